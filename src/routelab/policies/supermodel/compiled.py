"""The search of sets, in C."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.policies.supermodel import plain
from routelab.policies.supermodel._compiled import MOST, search
from routelab.policies.supermodel.candidate import NODES, Candidate


def best_set(held: float, candidates: Sequence[Candidate], room: int) -> tuple[int, ...]:
    """As `plain.best_set`, to the same bits.

    Args:
        held: quality of the best answer so far, 0 without one.
        candidates: of the models left.
        room: how many may be asked at most.
    Returns:
        Indices into `candidates`, ascending; empty where no set is worth more than stopping.
    """
    if len(candidates) > MOST:
        return plain.best_set(held, candidates, room)
    return search(held, candidates, room, NODES)
