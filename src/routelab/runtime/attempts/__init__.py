"""Answers that come in pieces: server-sent events, and the completion they add up to."""
