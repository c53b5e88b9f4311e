"""Partial logs made complete: a doubly robust score of every model on every request."""

from routelab.tuning.estimated.kinds import as_estimated, scored_of
from routelab.tuning.estimated.scored_log import ScoredLog, scored_log
from routelab.tuning.estimated.test_value import EstimatedValue, estimated_value

__all__ = [
    "EstimatedValue",
    "ScoredLog",
    "as_estimated",
    "estimated_value",
    "scored_log",
    "scored_of",
]
