"""Rankings, scores and verdicts out of what a model wrote, however it wrote them."""
