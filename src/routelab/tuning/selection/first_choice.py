"""How the first release compared kinds, for the searches that it began and that go on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from routelab.core import Floats
from routelab.metrics import Hull, aiq_among, hull, value_at
from routelab.tuning.kinds import HeldOut
from routelab.tuning.objectives import MARGIN, Bounds, FrontPoint

BUDGETS = 41
"""Mean costs at which fronts were compared on rows that they were not chosen on."""

PRICES = 25
"""Qualities per USD at which every value of a column took its best policy."""


def budgets(costs: Sequence[float]) -> Floats:
    """(budgets,) costs between the cheapest and the dearest model, evenly."""
    return np.linspace(min(costs), max(costs), BUDGETS)


def winner(
    held_out: Mapping[str, HeldOut], alone: Sequence[FrontPoint], bounds: Bounds, best: float
) -> str:
    """The kind that does best where it was not chosen; of near equals the simplest.

    Kinds are compared by quality at the cost of the bound; with a bound on quality, at the least
    cost for which a kind reaches it; without either, by AIQ.

    Args:
        held_out: by kind, the simplest first.
        alone: each candidate by itself.
        bounds: the user's.
        best: quality of the best candidate alone.
    """
    hulls = {kind: _hull(it, alone) for kind, it in held_out.items()}
    at, floor = bounds.max_usd_per_1k, bounds.floor(best)
    if at is None and floor is not None:
        at = min(float(np.interp(floor, it.quality, it.cost)) for it in hulls.values())
    values = {
        kind: _aiq(held_out[kind], alone) if at is None else value_at(at, on).item()
        for kind, on in hulls.items()
    }
    most = max((it for it in values.values() if not math.isnan(it)), default=-math.inf)
    return next((kind for kind, it in values.items() if it >= most - MARGIN), next(iter(values)))


def _hull(found: HeldOut, alone: Sequence[FrontPoint]) -> Hull:
    return hull(
        [*found.cost, *(it.score.usd_per_1k for it in alone)],
        [*found.quality, *(it.score.quality for it in alone)],
    )


def _aiq(found: HeldOut, alone: Sequence[FrontPoint]) -> float:
    return aiq_among(
        [it.score.usd_per_1k for it in alone],
        [it.score.quality for it in alone],
        found.cost,
        found.quality,
    )
