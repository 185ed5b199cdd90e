"""The routes of the endpoint, one file each."""
