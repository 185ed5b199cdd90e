"""What vector stores share: access and terms of a search, exact sums, and rows that are changed in place."""
