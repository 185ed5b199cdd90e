"""Recommendation: what users did, what there is to offer, and the rankers that rank it."""
