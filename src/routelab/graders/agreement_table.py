"""How far graders agree on the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats

RIGHT = 0.5
"""Grade from which an answer counts as right, where graders are compared."""


class GraderAgreement(NamedTuple):
    """How far two graders agree on the answers that both graded.

    Attributes:
        one, other: their names.
        n: answers that both graded.
        agree: share of them that both call right, or both wrong; NaN of none.
        kappa: Cohen's, agreement beyond that of chance; NaN where it has no meaning.
        only_one, only_other: answers that this one alone calls right.
    """

    one: str
    other: str
    n: int
    agree: float
    kappa: float
    only_one: int
    only_other: int


def agreements(grades: Mapping[str, Floats]) -> list[GraderAgreement]:
    """Every pair of graders.

    Args:
        grades: (n,) by grader, in [0, 1]; NaN where it gave none.
    """
    found = []
    for (one, left), (other, right) in combinations(grades.items(), 2):
        both = ~(np.isnan(left) | np.isnan(right))
        a, b = left[both] >= RIGHT, right[both] >= RIGHT
        share = float((a == b).mean()) if len(a) else float("nan")
        found.append(
            GraderAgreement(
                one, other, len(a), share, kappa(a, b), int((a & ~b).sum()), int((b & ~a).sum())
            )
        )
    return found


def kappa(one: Bools, other: Bools) -> float:
    """Cohen's kappa of two yes-or-no judgements (n,); NaN where both always say the same word.

    Source: Cohen 1960, A Coefficient of Agreement for Nominal Scales.
    """
    if not len(one):
        return float("nan")
    yes, also = float(one.mean()), float(other.mean())
    chance = yes * also + (1 - yes) * (1 - also)
    return (float((one == other).mean()) - chance) / (1 - chance) if chance < 1 else float("nan")
