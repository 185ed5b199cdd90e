"""Selection among hits: coverage, diversity, relevance, sources."""
