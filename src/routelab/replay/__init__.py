"""Replay policies over a log: what they would have decided, spent and delivered."""

from routelab.replay.coverage import Coverage, coverage
from routelab.replay.engine import run
from routelab.replay.evaluate import Baseline, Figures, Named, evaluate
from routelab.replay.ground import Ground, ground
from routelab.replay.known import Known
from routelab.replay.recorded import costs_sha256, differs, study_ground
from routelab.replay.result import Replay
from routelab.replay.single import decide, run_generator

__all__ = [
    "Baseline",
    "Coverage",
    "Figures",
    "Ground",
    "Known",
    "Named",
    "Replay",
    "costs_sha256",
    "coverage",
    "decide",
    "differs",
    "evaluate",
    "ground",
    "run",
    "run_generator",
    "study_ground",
]
