"""How the first release compared kinds: at a bound's cost, at the cost of a quality, or by AIQ."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.policies import Fixed
from routelab.tuning.kinds import HeldOut
from routelab.tuning.objectives import Bounds, FrontPoint, PolicyScore
from routelab.tuning.selection import first_choice

ALONE = [
    FrontPoint(Fixed("cheap"), PolicyScore(1.0, 0.5)),
    FrontPoint(Fixed("dear"), PolicyScore(5.0, 0.9)),
]


def _reached(*quality: float) -> HeldOut:
    """What a front comes to at costs of 2, 3 and 4, on ten rows in one block."""
    budgets = np.array([2.0, 3.0, 4.0])
    sums = 10 * np.stack([budgets, np.array(quality)], axis=1)[:, None]
    return HeldOut(budgets, sums, 10)


EARLY, LATE = _reached(0.80, 0.81, 0.82), _reached(0.70, 0.80, 0.899)


@pytest.mark.parametrize(
    ("bounds", "won"),
    [
        (Bounds(), "early"),
        (Bounds(max_usd_per_1k=2.0), "early"),
        (Bounds(max_usd_per_1k=4.0), "late"),
        (Bounds(min_quality=0.88), "late"),
        (Bounds(min_quality_share=0.8), "early"),
    ],
)
def test_kinds_are_compared_where_the_bound_is(bounds: Bounds, won: str) -> None:
    for kinds in ({"early": EARLY, "late": LATE}, {"late": LATE, "early": EARLY}):
        assert first_choice.winner(kinds, ALONE, bounds, 0.9) == won


def test_of_near_equals_the_simplest_wins() -> None:
    ahead = _reached(0.803, 0.813, 0.823)
    assert first_choice.winner({"simple": EARLY, "other": ahead}, ALONE, Bounds(), 0.9) == "simple"
    ahead = _reached(0.81, 0.82, 0.83)
    bounds = Bounds(max_usd_per_1k=3.0)
    assert first_choice.winner({"simple": EARLY, "other": ahead}, ALONE, bounds, 0.9) == "other"


def test_budgets_lie_evenly_between_the_models() -> None:
    found = first_choice.budgets([5.0, 1.0, 2.0])
    assert (found[0], found[-1], len(found)) == (1.0, 5.0, first_choice.BUDGETS)
    assert np.allclose(np.diff(found), 0.1)
