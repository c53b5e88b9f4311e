"""Signals that are the label in disguise: known only once an answer was graded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats
from routelab.metrics.confidence import auroc
from routelab.metrics.signal_quality import RIGHT

COPY = 0.99
"""AUROC from which a signal counts as the label itself; 1 less it where the signal is reversed."""
_FEW = 20  # right and wrong answers that a figure needs; a good verifier is perfect on fewer
_NEARLY, _TELLING = 0.95, 0.75  # AUROC
_UNRELATED = 0.1  # real confidences come to .18 to .25 on public logs, copies with noise to .05


def label_copy(confidence: Floats, quality: Floats, models: Sequence[str]) -> str | None:
    """Why a signal must be the label itself, in words; None where it need not be.

    Args:
        confidence: (n, m) NaN = missing.
        quality: (n, m) in [0, 1]; NaN = not judged, or the call failed.
        models: (m,) names.
    """
    pairs = [(name, *_judged(confidence, quality, at)) for at, name in enumerate(models)]
    said, right = (np.concatenate([it[at] for it in pairs]) for at in (1, 2))
    for who, sure, grade in (("all models", said, right), *pairs):
        seen = np.isfinite(sure)
        ways = [(sure, seen)]
        if not seen.all():
            ways.append((_low(sure), seen | ~seen))
        for values, kept in ways:
            if (text := _copied(values[kept], grade[kept])) is not None:
                missing = "" if kept is seen else " where a missing value counts as unsure"
                return f"{text} on {who}{missing}"
    return None


def label_suspicion(confidence: Floats, quality: Floats) -> str | None:
    """Why a signal may be the label with noise, in words; None where nothing speaks for it.

    A model is surer of easy requests, whether its answer is right or wrong. So among answers of
    one quality a confidence goes with the quality of other models on the same request; a label
    with noise does not.

    Args:
        confidence, quality: (n, m), as for `label_copy`.
    """
    seen = np.isfinite(confidence) & np.isfinite(quality)
    ranked = _auroc(confidence[seen], quality[seen])
    if ranked is None:
        return None
    if ranked < 0.5:
        ranked, confidence = 1 - ranked, -confidence
    if ranked >= _NEARLY:
        return f"it ranks right above wrong answers almost without a fault (AUROC {ranked:.3f})"
    same = set(np.unique(confidence[seen])) <= {0.0, 1.0} >= set(np.unique(quality[seen]))
    related = _related(confidence, quality)
    if ranked >= _TELLING and related is not None and related < _UNRELATED:
        return (
            f"it follows the quality of each answer (AUROC {ranked:.3f}), and among answers of one"
            " quality not at all how hard the request was for the other models"
        )
    if related is None and same and ranked >= 0.85:
        return f"it is 0 or 1 as the quality is, and agrees with it (AUROC {ranked:.3f})"
    return None


def told_by(names: npt.NDArray[np.object_], quality: Floats, models: Sequence[str]) -> str | None:
    """A model whose right and wrong answers a column of requests tells apart; None without one.

    Args:
        names: (n,) value of each request, such as its task; rare ones are left out.
        quality: (n, m) as for `label_copy`.
        models: (m,) names.
    """
    _, group, size = np.unique(names.astype(str), return_inverse=True, return_counts=True)
    often = size[group] >= _FEW
    for at, model in enumerate(models):
        seen = often & np.isfinite(quality[:, at])
        right = quality[seen, at] >= RIGHT
        if min(int(right.sum()), int((~right).sum())) < _FEW:
            continue
        rows = np.bincount(group[seen], minlength=len(size))
        good = np.bincount(group[seen], weights=right, minlength=len(size))
        wrong_side = np.minimum(good, rows - good).sum()
        if wrong_side <= (1 - COPY) * len(right):
            return model
    return None


def _judged(confidence: Floats, quality: Floats, column: int) -> tuple[Floats, Floats]:
    """Confidence and quality of a model's judged answers."""
    seen = np.isfinite(quality[:, column])
    return confidence[seen, column], quality[seen, column]


def _low(confidence: Floats) -> Floats:
    """Missing values as the lowest, which is how policies read them."""
    known = confidence[np.isfinite(confidence)]
    lowest = known.min() - 1.0 if len(known) else 0.0
    return np.where(np.isfinite(confidence), confidence, lowest)


def _copied(confidence: Floats, quality: Floats) -> str | None:
    ranked = _auroc(confidence, quality)
    if ranked is not None and (ranked >= COPY or ranked <= 1 - COPY):
        almost = "" if ranked in (0.0, 1.0) else "almost "
        return f"it tells right from wrong answers {almost}without a fault (AUROC {ranked:.3f})"
    _, times = np.unique(quality, return_counts=True)
    graded = len(times) > 2 and times.max() <= 0.8 * len(quality)  # else a few answers decide
    rank = _rank_correlation(confidence, quality) if graded else None
    if rank is not None and abs(rank) >= COPY:
        return f"it is monotone in quality (rank correlation {rank:.3f})"
    return None


def _auroc(confidence: Floats, quality: Floats) -> float | None:
    """None with too few right or wrong answers to tell."""
    right: Bools = quality >= RIGHT
    if min(int(right.sum()), int((~right).sum())) < _FEW:
        return None
    return auroc(confidence, right)


def _rank_correlation(confidence: Floats, quality: Floats) -> float | None:
    """Of Spearman; None with too few values, or where one of them is the same everywhere."""
    if len(quality) < _FEW:
        return None
    one, other = _ranks(confidence), _ranks(quality)
    if not (np.ptp(one) and np.ptp(other)):
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _ranks(values: Floats) -> Floats:
    """Mean ranks of ties."""
    _, block, size = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - size / 2.0)[block])


def _related(confidence: Floats, quality: Floats) -> float | None:
    """Upper end of how far confidence goes with others' quality among answers of one quality.

    None where the log is too small to exclude what real confidences show.
    """
    found, weights = [], []
    for column in range(quality.shape[1]):
        others = np.delete(quality, column, axis=1)
        count = np.isfinite(others).sum(axis=1)
        ease = np.where(count, np.nansum(others, axis=1), np.nan) / np.maximum(count, 1)
        mine, own = confidence[:, column], quality[:, column]
        seen = np.isfinite(mine) & np.isfinite(own) & np.isfinite(ease)
        for stratum in _strata(own, seen) if seen.any() else ():
            if (rank := _rank_correlation(mine[stratum], ease[stratum])) is not None:
                found.append(rank)
                weights.append(int(stratum.sum()))
    half = 1.96 / np.sqrt(max(1, sum(weights)))
    return float(np.average(found, weights=weights)) + half if half < _UNRELATED else None


def _strata(quality: Floats, seen: Bools) -> Iterator[Bools]:
    """Answers of one quality; of neighbouring ones where there are many."""
    values = np.unique(quality[seen])
    if len(values) > _FEW:
        values = np.unique(np.quantile(quality[seen], np.linspace(0, 1, _FEW), method="lower"))
    at = np.searchsorted(values, quality, side="right")
    for number in range(1, len(values) + 1):
        yield seen & (at == number)
