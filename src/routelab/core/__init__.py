"""The protocol between policies and the drivers that run them; no input or output."""
