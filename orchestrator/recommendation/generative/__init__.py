"""Generative recommendation: item identifiers, and decoding under a trie."""
