"""Multi-faceted retrieval: the aspects of a question, and what each finds."""
