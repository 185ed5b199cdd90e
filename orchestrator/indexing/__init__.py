"""Indexing: scan, plan, read, split, embed, write, publish."""
