"""Query reformulation: rewriting, expansion, feedback, splitting."""
