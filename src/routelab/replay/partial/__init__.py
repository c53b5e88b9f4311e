"""Partial logs: what a policy would do along the calls that another one made."""

from routelab.replay.partial.hidden import hidden
from routelab.replay.partial.logged_path import PathDecisions, first_answers, path_decisions

__all__ = ["PathDecisions", "first_answers", "hidden", "path_decisions"]
