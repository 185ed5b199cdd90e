"""Language models: one wrapper, and what derives from it; the bandit that routes prompts."""
