"""The published layouts of other projects' logs, one a file."""
