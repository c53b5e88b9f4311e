"""The drawings, one kind a file; each takes plain data and gives a figure with its words."""
