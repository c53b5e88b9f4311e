"""The models that can be called, what they cost and can do, and the file that lists them."""
