"""From hits to context, and from context to a cited answer."""
