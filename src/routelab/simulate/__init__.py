"""The runtime on a virtual clock, with a log in place of the models."""
