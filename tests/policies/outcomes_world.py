"""What asking a set of models is worth, by going through every outcome."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.policies.supermodel import Candidate


def worth(held: float, chosen: Sequence[Candidate]) -> float:
    """Expected gain over the quality of what is held, minus the prices."""
    outcomes = [(1.0, held)]
    for it in chosen:
        outcomes = [
            (chance * p, max(best, value))
            for chance, best in outcomes
            for p, value in ((it.quality, it.high), (1.0 - it.quality, it.low))
        ]
    expected = sum(chance * best for chance, best in outcomes)
    return expected - held - sum(it.price for it in chosen)
