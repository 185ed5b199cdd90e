"""The knowledge graph: entities, facts and mentions, and what is found with them."""
