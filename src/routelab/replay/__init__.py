"""Replay policies over a log: what they would have decided, spent and delivered."""

from routelab.replay.comparison_set import ComparisonSet, comparison_set
from routelab.replay.coverage import Coverage, coverage
from routelab.replay.engine import run
from routelab.replay.evaluate import Baseline, Figures, NamedPolicy, evaluate
from routelab.replay.generator import decide, run_generator
from routelab.replay.request_cache import RequestCache
from routelab.replay.result import Replay
from routelab.replay.study_rows import costs_sha256, differs, study_rows

__all__ = [
    "Baseline",
    "ComparisonSet",
    "Coverage",
    "Figures",
    "NamedPolicy",
    "Replay",
    "RequestCache",
    "comparison_set",
    "costs_sha256",
    "coverage",
    "decide",
    "differs",
    "evaluate",
    "run",
    "run_generator",
    "study_rows",
]
