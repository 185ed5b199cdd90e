"""Retrieval and rank fusion."""
