"""Which column of a file holds what, and checked rows made of them."""
