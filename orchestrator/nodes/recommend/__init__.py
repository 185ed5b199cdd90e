"""Recommendation: items for a history, and slates of them."""
