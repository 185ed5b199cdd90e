"""Answering: context compression, cited answers and reports."""
