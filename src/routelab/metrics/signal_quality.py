"""How well each confidence signal tells right answers from wrong ones."""

from __future__ import annotations

import math
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
        `n`, `auroc` with its 95 % interval `auroc_low` and `auroc_high`, `ece` and `brier`. AUROC
        is None where all answers are right (quality of
        `RIGHT` or more), or all wrong; ECE and Brier are None for a signal that leaves [0, 1],
        because it is no probability.
    """
    return {
        name: {
            model: measured(values[:, column], log.quality[:, column])
            for column, model in enumerate(log.models)
            if np.isfinite(values[:, column]).any()
        }
        for name, values in log.signals.items()
    }


def is_reversed(confidence: Floats, quality: Floats) -> bool:
    """Whether a signal ranks wrong answers above right ones, by more than chance may do.

    Args:
        confidence, quality: (n, m); NaN = not observed. Models are looked at one by one, so that
            one that is right more often does not decide.
    """
    areas, errors, weights = [], [], []
    for column in range(quality.shape[1]):
        seen = np.isfinite(confidence[:, column]) & np.isfinite(quality[:, column])
        right = quality[seen, column] >= RIGHT
        if pairs := int(right.sum()) * int((~right).sum()):
            areas.append(auroc(confidence[seen, column], right))
            errors.append(auroc_error(areas[-1], int(right.sum()), int((~right).sum())))
            weights.append(pairs)
    if not weights:
        return False
    area, error = (float(np.average(it, weights=weights)) for it in (areas, errors))
    return area + 1.96 * error < 0.5  # as if models erred together, which they nearly do


def auroc_error(area: float, right: int, wrong: int) -> float:
    """Standard error of an AUROC.

    Args:
        area: the AUROC.
        right, wrong: answers, at least one each.
    Source: Hanley & McNeil 1982.
    """
    edge = 0.5 / (right * wrong)  # where no pair is out of order the error is not zero
    a = min(max(area, edge), 1.0 - edge)
    q1, q2 = a / (2.0 - a), 2.0 * a * a / (1.0 + a)
    variance = a * (1.0 - a) + (right - 1) * (q1 - a * a) + (wrong - 1) * (q2 - a * a)
    return math.sqrt(variance / (right * wrong))


def measured(confidence: Floats, quality: Floats) -> Quality:
    """How well one model's confidence tells its right answers from wrong ones.

    Args:
        confidence, quality: (n,) NaN = not observed.
    Returns:
        As `signal_quality`, of one signal and model.
    """
    seen = np.isfinite(confidence) & np.isfinite(quality)
    confidence, quality = confidence[seen], quality[seen]
    right = quality >= RIGHT
    mixed = bool(right.any() and not right.all())
    probability = bool(len(confidence)) and bool(((confidence >= 0) & (confidence <= 1)).all())
    area = auroc(confidence, right) if mixed else None
    half = 0.0 if area is None else 1.96 * auroc_error(area, int(right.sum()), int((~right).sum()))
    return {
        "n": len(confidence),
        "auroc": area,
        "auroc_low": None if area is None else max(0.0, area - half),
        "auroc_high": None if area is None else min(1.0, area + half),
        "ece": ece(confidence, quality) if probability else None,
        "brier": brier(confidence, quality) if probability else None,
    }
