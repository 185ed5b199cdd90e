"""Tool retrieval."""
