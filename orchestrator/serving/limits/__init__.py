"""Limits of the endpoint: admission, body sizes, timeouts, disconnected clients."""
