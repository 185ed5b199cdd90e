"""Compile time: from an expression to a checked plan, its drawing and its fingerprint."""
