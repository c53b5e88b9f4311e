"""What a policy or a scorer is worth, each figure defined once."""
