"""Run time: calls of nodes under policy and budget, two backends, traces, events, checkpoints."""
