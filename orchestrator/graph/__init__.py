"""The engine: node contract, algebra, checks, compilation to LangGraph, runs."""
