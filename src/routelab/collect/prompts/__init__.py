"""The requests that are to be asked: read from whatever file holds them, once each."""

from routelab.collect.prompts.preparation import PreparedRequests, prepare

__all__ = ["PreparedRequests", "prepare"]
