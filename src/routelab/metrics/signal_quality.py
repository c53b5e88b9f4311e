"""How well each confidence signal tells right answers from wrong ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.metrics.confidence import auroc, brier, ece

RIGHT = 0.5
"""An answer of this quality or more counts as right for AUROC."""

Quality = Mapping[str, float | None]


def signal_quality(log: Log) -> dict[str, dict[str, Quality]]:
    """How well each confidence signal tells right answers from wrong ones, by signal and model.

    Args:
        log: signals (n, m); pairs without a signal or a quality are left out.
    Returns:
        `n`, `auroc`, `ece` and `brier`. AUROC is None where all answers are right (quality of
        `RIGHT` or more), or all wrong; ECE and Brier are None for a signal that leaves [0, 1],
        because it is no probability.
    """
    return {
        name: {
            model: _measure(values[:, column], log.quality[:, column])
            for column, model in enumerate(log.models)
            if np.isfinite(values[:, column]).any()
        }
        for name, values in log.signals.items()
    }


def _measure(confidence: Floats, quality: Floats) -> Quality:
    seen = np.isfinite(confidence) & np.isfinite(quality)
    confidence, quality = confidence[seen], quality[seen]
    right = quality >= RIGHT
    mixed = bool(right.any() and not right.all())
    probability = bool(len(confidence)) and bool(((confidence >= 0) & (confidence <= 1)).all())
    return {
        "n": len(confidence),
        "auroc": auroc(confidence, right) if mixed else None,
        "ece": ece(confidence, quality) if probability else None,
        "brier": brier(confidence, quality) if probability else None,
    }
