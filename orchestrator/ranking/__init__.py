"""Ranking functions without a graph: late interaction, fusion, centrality, maps of scores."""
