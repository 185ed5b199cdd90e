"""Formats of graphs in files: JSON lines, CSV, GraphML, RDF, and LlamaIndex's property graphs."""
