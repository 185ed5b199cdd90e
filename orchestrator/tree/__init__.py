"""Semantic trees: built from documents and their structure, summarised, and searched from the root down."""
