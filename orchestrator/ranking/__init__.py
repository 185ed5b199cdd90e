"""Ranking functions outside the graph: late interaction, centrality, clusters, score calibration."""
