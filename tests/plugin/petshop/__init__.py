"""A distribution that adds one of each kind of thing to the library; see docs/extending.md."""
