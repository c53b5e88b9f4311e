"""Where a policy's figures come from: requests, calls, thresholds and confidences."""

from routelab.replay.breakdown.clusters import (
    FEWEST,
    standard_errors,
    student,
    student_p,
)
from routelab.replay.breakdown.composition import breakdown
from routelab.replay.breakdown.shape import (
    Breakdown,
    Deferral,
    Grid,
    LatencyQuantiles,
    ReliabilityBins,
    Slice,
    StageUse,
    ThresholdCurve,
)
from routelab.replay.breakdown.task_changes import CellChange, cell_changes

__all__ = [
    "FEWEST",
    "Breakdown",
    "CellChange",
    "Deferral",
    "Grid",
    "LatencyQuantiles",
    "ReliabilityBins",
    "Slice",
    "StageUse",
    "ThresholdCurve",
    "breakdown",
    "cell_changes",
    "standard_errors",
    "student",
    "student_p",
]
