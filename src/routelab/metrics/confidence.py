"""Whether a confidence signal, or a scorer, tells right answers from wrong ones.

Where a figure has no value the error says why.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints
from routelab.metrics.exact import exact_mean
from routelab.stats import align, ranking, within


class Reliability(NamedTuple):
    """A calibration table over bins of equal width; the first holds zero too.

    Attributes:
        low, high: (bins,) a bin holds probabilities above low, up to high.
        rows: (bins,) how many rows it holds.
        probability: (bins,) their mean probability; NaN in an empty bin.
        quality: (bins,) their mean quality; NaN in an empty bin.
    """

    low: Floats
    high: Floats
    rows: Ints
    probability: Floats
    quality: Floats


def auroc(scores: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Probability that a right answer scores above a wrong one; a tie counts one half.

    Args:
        scores: (n,) in any unit.
        correct: (n,) 0 or 1.
    Raises:
        ValueError: not (n,) both, NaN, labels other than 0 and 1, or only one of them.
    Source: Hanley & McNeil 1982.
    """
    order, labels = ranking("scores", scores), within("correct", correct, 0.0, 1.0)
    align(scores=order, correct=labels)
    if not np.isin(labels, (0.0, 1.0)).all():
        raise ValueError("correct has values between 0 and 1; AUROC needs 0 and 1 alone")
    right = int(labels.sum())
    wrong = len(labels) - right
    if not (right and wrong):
        raise ValueError(f"AUROC needs right and wrong answers, got {right} and {wrong}")
    _, block, size = np.unique(order, return_inverse=True, return_counts=True)
    hits = np.bincount(block, weights=labels)
    misses = size - hits
    below = np.cumsum(misses) - misses
    return float(np.sum(hits * (below + misses / 2.0)) / (right * wrong))


def brier(probability: npt.ArrayLike, quality: npt.ArrayLike) -> float:
    """Mean squared difference of a probability and what came of it; 0 is perfect.

    Args:
        probability, quality: (n,) in [0, 1].
    Raises:
        ValueError: not (n,) both, NaN, or outside [0, 1].
    Source: Brier 1950.
    """
    expected, seen = _forecast(probability, quality)
    return exact_mean(np.square(expected - seen))


def reliability(probability: npt.ArrayLike, quality: npt.ArrayLike, bins: int = 15) -> Reliability:
    """Mean quality against mean probability, by bins of equal width.

    Args:
        probability, quality: (n,) in [0, 1].
        bins: 1 or more.
    Raises:
        ValueError: not (n,) both, NaN, outside [0, 1], or no bin.
    Source: DeGroot & Fienberg 1983, "The comparison and evaluation of forecasters".
    """
    expected, seen = _forecast(probability, quality)
    if bins < 1:
        raise ValueError(f"bins is {bins}; at least 1 is needed")
    edges = np.arange(bins + 1) / bins
    index = np.maximum(np.searchsorted(edges, expected, side="left") - 1, 0)
    rows = np.bincount(index, minlength=bins)
    shown = np.where(rows > 0, rows, np.nan)
    return Reliability(
        low=edges[:-1],
        high=edges[1:],
        rows=rows,
        probability=np.bincount(index, weights=expected, minlength=bins) / shown,
        quality=np.bincount(index, weights=seen, minlength=bins) / shown,
    )


def ece(probability: npt.ArrayLike, quality: npt.ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: mean gap of probability and quality over bins, by rows.

    Args:
        probability, quality: (n,) in [0, 1].
        bins: of equal width.
    Raises:
        ValueError: as `reliability`.
    Source: Guo et al. 2017, arXiv 1706.04599.
    """
    table = reliability(probability, quality, bins)
    gaps = np.abs(table.probability - table.quality)
    return float(np.nansum(gaps * table.rows) / table.rows.sum())


def aurc(confidence: npt.ArrayLike, quality: npt.ArrayLike) -> float:
    """Area under the risk-coverage curve: mean loss of the answers kept, over all coverages.

    Coverages are 1/n to 1; answers of equal confidence are kept in random order, and the
    expectation is taken.

    Args:
        confidence: (n,) in any unit; the highest are kept first.
        quality: (n,) in [0, 1]; the loss is one minus it.
    Raises:
        ValueError: not (n,) both, NaN, or quality outside [0, 1].
    Source: Geifman & El-Yaniv 2017, arXiv 1705.08500.
    """
    order, loss = ranking("confidence", confidence), 1.0 - within("quality", quality, 0.0, 1.0)
    align(confidence=order, quality=loss)
    _, block, size = np.unique(-order, return_inverse=True, return_counts=True)
    expected = np.repeat(np.bincount(block, weights=loss) / size, size)
    return exact_mean(np.cumsum(expected) / np.arange(1, len(loss) + 1))


def _forecast(probability: npt.ArrayLike, quality: npt.ArrayLike) -> tuple[Floats, Floats]:
    expected = within("probability", probability, 0.0, 1.0)
    seen = within("quality", quality, 0.0, 1.0)
    align(probability=expected, quality=seen)
    return expected, seen
