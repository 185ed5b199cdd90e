"""Editions: trained sets of rankers, how they are made, published and refreshed."""
