"""The search of sets, in C."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.policies.supermodel import plain
from routelab.policies.supermodel._compiled import MOST, search
from routelab.policies.supermodel.candidate import NODES, Candidate


def best_set(held: float, candidates: Sequence[Candidate], room: int) -> tuple[int, ...]:
    """As `plain.best_set`."""
    if len(candidates) > MOST:
        return plain.best_set(held, candidates, room)
    return search(held, candidates, room, NODES)
