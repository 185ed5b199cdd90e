"""Celery brings jobs to workers: a message is the number of a job, and the ledger has everything else."""
