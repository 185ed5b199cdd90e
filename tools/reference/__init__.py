"""The API reference of docs/reference/, generated from the docstrings: `make reference`."""
