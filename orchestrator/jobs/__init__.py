"""Background jobs: handlers, workers, and the write lock."""
