"""Confidence signals: how a live response yields them."""
