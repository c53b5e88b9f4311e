"""Gates that are stacked as if they erred apart, and err together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from routelab.core import Floats
from routelab.core.messages import foreign
from routelab.lint.evidence import LogEvidence
from routelab.lint.finding import LintFinding

_LEAST = 20
_SURE = 1e-4


def stacked_gates(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Pairs of gates that let the same wrong answers pass, far beyond what chance explains."""
    gates = {
        name: it
        for name, it in {**evidence.unasked, **evidence.signals}.items()
        if name.startswith("gate:") and set(np.unique(it[~np.isnan(it)])) <= {0.0, 1.0}
    }
    wrong = evidence.quality < 0.5
    for (one, left), (other, right) in combinations(gates.items(), 2):
        both = wrong & ~np.isnan(left) & ~np.isnan(right)
        a, b = left[both], right[both]
        n = len(a)
        if n < _LEAST or not 0 < a.mean() < 1 or not 0 < b.mean() < 1:
            continue
        together, apart = float((a * b).mean()), float(a.mean() * b.mean())
        if together > 1.5 * apart and _tail(a, b) < _SURE:
            yield LintFinding(
                "gates-err-together",
                "warning",
                f"gates {foreign(one)!r} and {foreign(other)!r} let the same wrong answers pass:"
                f" {together:.1%} of {n:,} pass both, and {apart:.1%} would if they erred apart",
                round(together * n),
                "the second gate catches little of what the first lets through: a stack is worth"
                " less than the product of its parts",
                "count the stack as one gate, measured as a whole; add one that looks at something"
                " else",
            )


def _tail(one: Floats, other: Floats) -> float:
    """One-sided p-value of more agreement than by chance, by the normal of the 2 x 2 table."""
    n = len(one)
    p, q = float(one.mean()), float(other.mean())
    phi = (float((one * other).mean()) - p * q) / math.sqrt(p * (1 - p) * q * (1 - q))
    return 0.5 * math.erfc(phi * math.sqrt(n) / math.sqrt(2.0))
