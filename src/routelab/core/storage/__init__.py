"""What is written down of a request, and how files are written so that a crash loses nothing."""
