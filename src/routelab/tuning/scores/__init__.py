"""Partial logs made complete: a doubly robust score of every model on every request."""

from routelab.tuning.scores.estimate import EstimatedValue, estimated_value
from routelab.tuning.scores.kinds import as_estimated, scored_of
from routelab.tuning.scores.scored_log import ScoredLog, scored_log

__all__ = [
    "EstimatedValue",
    "ScoredLog",
    "as_estimated",
    "estimated_value",
    "scored_log",
    "scored_of",
]
