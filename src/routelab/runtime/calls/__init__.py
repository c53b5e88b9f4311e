"""One call of a policy: its samples, signals, gates and money."""
