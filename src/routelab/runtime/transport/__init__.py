"""HTTP: how a chat request leaves, and how its connection comes back."""
