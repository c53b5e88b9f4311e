"""How long requests wait for what is delivered."""

from __future__ import annotations

import numpy as np

from routelab.replay.breakdown.shape import LatencyQuantiles
from routelab.replay.result import Replay

_QUANTILES = (*(round(percent / 100, 2) for percent in range(100)), 0.995, 0.999, 1.0)


def latency(replay: Replay) -> LatencyQuantiles | None:
    """Quantiles from the least to the largest, of requests whose latency was observed."""
    observed = replay.latency_s[~np.isnan(replay.latency_s)]
    if not len(observed):
        return None
    return LatencyQuantiles(_QUANTILES, tuple(np.quantile(observed, _QUANTILES).tolist()))
