"""A log in memory: requests, outcomes, texts, and the parts it is cut into."""
