"""Replay policies over a log: what they would have decided, spent and delivered."""

from routelab.replay import engine
from routelab.replay.baselines import ROUTERS
from routelab.replay.compare import baseline_gains, gain_difference, gains_apart
from routelab.replay.comparison_set import SEARCHED, ComparisonSet, comparison_set
from routelab.replay.coverage import REFUSE, WARN, Coverage, RestOfLog, coverage
from routelab.replay.diff import Change, PolicyDifference, diff, proved_changes
from routelab.replay.engine import run
from routelab.replay.equal_cost import chord
from routelab.replay.evaluate import (
    RESAMPLES,
    SELF,
    ZERO_ROUTER,
    Baseline,
    Figures,
    JointFigures,
    NamedPolicy,
    Range,
    evaluate,
    evaluate_jointly,
    evaluate_replay,
    figures,
)
from routelab.replay.generator import decide, row_of, run_generator, step_outcome
from routelab.replay.measure import Measure, OutcomeSums
from routelab.replay.partial import PathDecisions, hidden, path_decisions
from routelab.replay.request_cache import RequestCache, call_usd, calls_usd
from routelab.replay.request_table import request_table, stacked
from routelab.replay.result import Replay, joined
from routelab.replay.study_rows import (
    asked_again,
    costs_sha256,
    differs,
    recorded_cut,
    study_cut,
    study_rows,
)
from routelab.replay.timeouts import TimedOutAnswers, timed_out_answers

__all__ = [
    "REFUSE",
    "RESAMPLES",
    "ROUTERS",
    "SEARCHED",
    "SELF",
    "WARN",
    "ZERO_ROUTER",
    "Baseline",
    "Change",
    "ComparisonSet",
    "Coverage",
    "Figures",
    "JointFigures",
    "Measure",
    "NamedPolicy",
    "OutcomeSums",
    "PathDecisions",
    "PolicyDifference",
    "Range",
    "Replay",
    "RequestCache",
    "RestOfLog",
    "TimedOutAnswers",
    "asked_again",
    "baseline_gains",
    "call_usd",
    "calls_usd",
    "chord",
    "comparison_set",
    "costs_sha256",
    "coverage",
    "decide",
    "diff",
    "differs",
    "engine",
    "evaluate",
    "evaluate_jointly",
    "evaluate_replay",
    "figures",
    "gain_difference",
    "gains_apart",
    "hidden",
    "joined",
    "path_decisions",
    "proved_changes",
    "recorded_cut",
    "request_table",
    "row_of",
    "run",
    "run_generator",
    "stacked",
    "step_outcome",
    "study_cut",
    "study_rows",
    "timed_out_answers",
]
