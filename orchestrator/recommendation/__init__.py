"""Recommendation: what users did, what there is to offer, and the arms that rank it."""
