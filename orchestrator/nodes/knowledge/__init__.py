"""Nodes that follow what documents say of one another."""
