"""What the report tells, one chapter a file; each takes a summary and gives a chapter."""
