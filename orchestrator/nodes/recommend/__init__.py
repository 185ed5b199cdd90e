"""Recommendation nodes: items for a history, filters on them, and slates."""
