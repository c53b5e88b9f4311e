"""Fitted predictors in a portable form: the same scores in training, replay and production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.scorers import calibrators
from routelab.scorers.registry import REGISTRY

if TYPE_CHECKING:
    from routelab.scorers.blend import Blend
    from routelab.scorers.calibrators import (
        CALIBRATORS,
        Beta,
        Calibrator,
        Isotonic,
        Platt,
        Temperature,
    )
    from routelab.scorers.compatibility import SCORE
    from routelab.scorers.flatten import flatten_trees
    from routelab.scorers.grid import LIMIT, on_grid
    from routelab.scorers.joint import JOINT_EDGE, Joint, joint_scores
    from routelab.scorers.linear import Linear
    from routelab.scorers.link import logistic, logit
    from routelab.scorers.load import load_scorers
    from routelab.scorers.neighbors import NearestNeighbors
    from routelab.scorers.prior import Prior
    from routelab.scorers.registry import KINDS, from_wire, to_wire
    from routelab.scorers.scorer import Scorer, Target
    from routelab.scorers.scoring import ScorerSet
    from routelab.scorers.trees import Trees
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "load_scorers": "load",
            "flatten_trees": "flatten",
            "Beta": "calibrators",
            "Blend": "blend",
            "CALIBRATORS": "calibrators",
            "Calibrator": "calibrators",
            "Isotonic": "calibrators",
            "KINDS": "registry",
            "JOINT_EDGE": "joint",
            "Joint": "joint",
            "joint_scores": "joint",
            "LIMIT": "grid",
            "Linear": "linear",
            "NearestNeighbors": "neighbors",
            "Platt": "calibrators",
            "Prior": "prior",
            "SCORE": "compatibility",
            "Scorer": "scorer",
            "ScorerSet": "scoring",
            "Target": "scorer",
            "Temperature": "calibrators",
            "Trees": "trees",
            "from_wire": "registry",
            "logistic": "link",
            "logit": "link",
            "on_grid": "grid",
            "to_wire": "registry",
        },
    )

__all__ = [
    "CALIBRATORS",
    "JOINT_EDGE",
    "KINDS",
    "LIMIT",
    "REGISTRY",
    "SCORE",
    "Beta",
    "Blend",
    "Calibrator",
    "Isotonic",
    "Joint",
    "Linear",
    "NearestNeighbors",
    "Platt",
    "Prior",
    "Scorer",
    "ScorerSet",
    "Target",
    "Temperature",
    "Trees",
    "calibrators",
    "flatten_trees",
    "from_wire",
    "joint_scores",
    "load_scorers",
    "logistic",
    "logit",
    "on_grid",
    "to_wire",
]
