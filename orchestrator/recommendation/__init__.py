"""Recommendation: rankers, their training and evaluation, and the selection of slates."""
