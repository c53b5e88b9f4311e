"""Where a policy's figures come from: requests, calls, thresholds and confidences."""

from routelab.replay.breakdown.clusters import (
    FEWEST,
    paired,
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

__all__ = [
    "FEWEST",
    "Breakdown",
    "Deferral",
    "Grid",
    "LatencyQuantiles",
    "ReliabilityBins",
    "Slice",
    "StageUse",
    "ThresholdCurve",
    "breakdown",
    "paired",
    "standard_errors",
    "student",
    "student_p",
]
