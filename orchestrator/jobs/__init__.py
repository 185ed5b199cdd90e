"""Background work of every family: which function does a job, where it runs, and who may write meanwhile."""
