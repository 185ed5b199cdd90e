"""The API reference in reference/, generated from the docstrings: `make reference`."""
