"""Calibration and discrimination of a predicted probability of success, model by model."""

from __future__ import annotations

import math

import msgspec

from routelab.core import Floats
from routelab.learning.diagnosis.estimates import Draws, Estimate
from routelab.learning.targets import RIGHT
from routelab.metrics import auroc, brier, ece, reliability

BINS = 15


class ReliabilityBin(msgspec.Struct, frozen=True):
    """One bin of a reliability diagram; the means are None in an empty one.

    Attributes:
        low, high: of the predicted probability.
        rows: how many fall in.
        probability, quality: mean prediction, and mean quality that came of it.
    """

    low: float
    high: float
    rows: int
    probability: float | None
    quality: float | None


class Correctness(msgspec.Struct, frozen=True):
    """How good P(success) of one model is on rows not learned from.

    Attributes:
        n: rows judged.
        auroc: 0.5 knows nothing; success is a quality of .5 or more.
        brier, brier_of_mean: mean squared error, and that of the mean quality alone.
        ece: expected calibration error.
        diagram: mean quality against mean probability.
    """

    n: int
    auroc: Estimate
    brier: Estimate
    brier_of_mean: float
    ece: Estimate
    diagram: tuple[ReliabilityBin, ...]


def judge(probability: Floats, quality: Floats, draws: Draws) -> Correctness:
    """Judge predictions (n,) in [0, 1] by the quality (n,) that came of them."""
    return Correctness(
        n=len(quality),
        auroc=draws.figure(auroc, probability, (quality >= RIGHT).astype(float)),
        brier=draws.figure(brier, probability, quality),
        brier_of_mean=float(quality.var()),
        ece=draws.figure(ece, probability, quality),
        diagram=diagram(probability, quality),
    )


def diagram(probability: Floats, quality: Floats) -> tuple[ReliabilityBin, ...]:
    """The bars of a reliability diagram."""
    table = reliability(probability, quality, BINS)
    return tuple(
        ReliabilityBin(float(low), float(high), int(rows), _or_none(seen), _or_none(came))
        for low, high, rows, seen, came in zip(*table, strict=True)
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
