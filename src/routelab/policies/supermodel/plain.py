"""The search of sets, in Python: what the compiled form does, where there is none."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import fsum
from operator import mul

from routelab.policies.supermodel.candidate import NODES, Candidate


def best_set(held: float, candidates: Sequence[Candidate], room: int) -> tuple[int, ...]:
    """The models to ask: greatest expected maximum of the qualities minus the prices.

    Qualities are taken as independent. The expected maximum has diminishing returns, so a
    model that adds less than its price to a set adds less to every larger one, and what
    several add is at most the sum of what each adds: this bounds the search.

    Args:
        held: quality of the best answer so far, 0 without one.
        candidates: of the models left.
        room: how many may be asked at most.
    Returns:
        Indices into `candidates`, ascending; empty where no set is worth more than stopping.
    """
    return _Search(held, candidates).run(room)


def surplus(held: float, candidates: Sequence[Candidate]) -> float:
    """What asking all of these models adds to the quality held, minus their prices."""
    return _Search(held, candidates).prefixes(len(candidates))[-1]


class _Search:
    def __init__(self, held: float, candidates: Sequence[Candidate]) -> None:
        grid = sorted({held, *(v for it in candidates for v in (it.low, it.high) if v > held)})
        self._widths = [after - before for before, after in itertools.pairwise(grid)]
        steps = grid[:-1]
        self._below = [_below(it, steps) for it in candidates]
        self._gaps = [  # up to where nothing is lacking, and nothing would be added
            [(1.0 - p) * width for p, width in zip(below, self._widths, strict=True) if p < 1.0]
            for below in self._below
        ]
        self._prices = [it.price for it in candidates]
        self._best: tuple[float, tuple[int, ...]] = (0.0, ())
        self._nodes = 0

    def run(self, room: int) -> tuple[int, ...]:
        self._grow(0.0, [1.0] * len(self._widths), (), list(range(len(self._prices))), room)
        return tuple(sorted(self._best[1]))

    def prefixes(self, room: int) -> list[float]:
        """(room + 1,) worth above stopping of asking the first none, one, two and so on."""
        worths, below = [0.0], [1.0] * len(self._widths)
        for index in range(min(room, len(self._prices))):
            add = fsum(map(mul, below, self._gaps[index])) - self._prices[index]
            worths.append(worths[-1] + add)
            below = list(map(mul, below, self._below[index]))
        return worths

    def _grow(
        self,
        value: float,
        below: list[float],
        chosen: tuple[int, ...],
        others: list[int],
        room: int,
    ) -> None:
        """Look at all sets that hold `chosen` and some of the others.

        Args:
            value: of `chosen`, above stopping.
            below: at each grid value, the probability that nothing chosen is better.
        """
        self._nodes += 1
        if value > self._best[0]:
            self._best = (value, chosen)
        if not room:
            return
        adds = [(fsum(map(mul, below, self._gaps[i])) - self._prices[i], i) for i in others]
        worth = sorted([it for it in adds if it[0] > 0.0], key=_greatest_first)
        short = fsum(map(mul, self._widths, below)) if worth else 0.0
        for at, (add, index) in enumerate(worth):
            rest = [it[1] for it in worth[at:]]
            if self._nodes > NODES:
                return
            if self._cannot_win(value, short, below, worth[at : at + room], rest):
                return
            grown = list(map(mul, below, self._below[index]))
            self._grow(value + add, grown, (*chosen, index), rest[1:], room - 1)

    def _cannot_win(
        self,
        value: float,
        short: float,
        below: list[float],
        most: list[tuple[float, int]],
        rest: list[int],
    ) -> bool:
        """Whether no set of the rest can bring the value above the best one found.

        Args:
            short: of the highest quality on the grid, what is expected to be lacking now.
            most: what those add, of which as many as may be asked add most.
        """
        best = self._best[0]
        if value + fsum([add for add, _ in most]) <= best:
            return True
        together: Iterable[float] = below
        for index in rest:
            together = map(mul, together, self._below[index])
        gained = short - fsum(map(mul, self._widths, together))
        return value + gained - min([self._prices[index] for index in rest]) <= best


def _below(candidate: Candidate, steps: list[float]) -> list[float]:
    """At each value, the probability that the quality is not above it."""
    to_low, to_high = bisect_left(steps, candidate.low), bisect_left(steps, candidate.high)
    middle, above = [1.0 - candidate.quality] * (to_high - to_low), [1.0] * (len(steps) - to_high)
    return [0.0] * to_low + middle + above


def _greatest_first(it: tuple[float, int]) -> tuple[float, int]:
    return -it[0], it[1]


def best_prefix(held: float | None, candidates: Sequence[Candidate], room: int) -> int:
    """How many of the first models to ask, for the greatest worth; of equal ones the fewest.

    Args:
        held: quality of the best answer so far; None without one, and then at least one is
            asked.
    """
    search = _Search(held or 0.0, candidates)
    worths = search.prefixes(room)
    first = 0 if held is not None else 1
    return max(range(first, len(worths)), key=lambda size: (worths[size], -size))
