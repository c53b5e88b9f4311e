"""Estimators: what a policy is worth, from a log in which only the chosen model answered."""

from routelab.estimators.cross_fitting import CrossFit, Expectations
from routelab.estimators.doubly_robust import (
    DR,
    SNDR,
    DirectMethod,
    PrefixDR,
    ShrunkDR,
    SwitchDR,
    shrunk,
)
from routelab.estimators.estimate import Calibration, Diagnostics, ModelWeight, PolicyEstimate
from routelab.estimators.estimator import Certified, Estimator, Scores
from routelab.estimators.exploration import Exploration, explorations
from routelab.estimators.importance import IPS, SNIPS, PrefixIPS, PrefixSNIPS
from routelab.estimators.logged_decisions import LoggedDecisions, LoggingPolicy, Outcome
from routelab.estimators.outcome_models import CallFeatures, MeanByTask, OutcomeModel, Ridge
from routelab.estimators.partial_logs import judged_part, logged_decisions
from routelab.estimators.path_weights import PathWeights, path_weights
from routelab.estimators.registry import (
    DEFAULT_OF_ONE_CALL,
    DEFAULT_OF_PATHS,
    ESTIMATORS,
    estimator,
)
from routelab.estimators.score_intervals import ScoreMean, score_mean
from routelab.estimators.target_decisions import TargetDecisions

__all__ = [
    "DEFAULT_OF_ONE_CALL",
    "DEFAULT_OF_PATHS",
    "DR",
    "ESTIMATORS",
    "IPS",
    "SNDR",
    "SNIPS",
    "Calibration",
    "CallFeatures",
    "Certified",
    "CrossFit",
    "Diagnostics",
    "DirectMethod",
    "Estimator",
    "Expectations",
    "Exploration",
    "LoggedDecisions",
    "LoggingPolicy",
    "MeanByTask",
    "ModelWeight",
    "Outcome",
    "OutcomeModel",
    "PathWeights",
    "PolicyEstimate",
    "PrefixDR",
    "PrefixIPS",
    "PrefixSNIPS",
    "Ridge",
    "ScoreMean",
    "Scores",
    "ShrunkDR",
    "SwitchDR",
    "TargetDecisions",
    "estimator",
    "explorations",
    "judged_part",
    "logged_decisions",
    "path_weights",
    "score_mean",
    "shrunk",
]
