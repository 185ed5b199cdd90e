"""Nodes over semantic trees: search from the root down."""
