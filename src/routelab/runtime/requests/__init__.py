"""One request: what is asked, by which policy, and how the answer is delivered."""
