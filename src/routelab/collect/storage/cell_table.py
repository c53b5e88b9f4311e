"""Which cells are asked, what they cost and what is not known of them: a few bytes a cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, get_args

import numpy as np

from routelab.collect.storage.cell import AskedCell, Line, Outcome, Released, Reserved
from routelab.collect.storage.cell_files import DamagedLine

OUTCOMES: tuple[str, ...] = get_args(Outcome)
_CODES = {name: code for code, name in enumerate(OUTCOMES, 1)}


class ArmTotals(NamedTuple):
    """What one arm has come to.

    Attributes:
        outcomes: how many of each outcome, in the order of `OUTCOMES`.
        calls: cells that an endpoint answered with tokens that are known.
        prompt_tokens, completion_tokens: of those.
        latency_s: of those, in all.
        spent_usd, unknown_usd: of all attempts of all runs.
    """

    outcomes: tuple[int, ...]
    calls: int
    prompt_tokens: float
    completion_tokens: float
    latency_s: float
    spent_usd: float
    unknown_usd: float

    @property
    def done(self) -> int:
        """Cells that are over."""
        return sum(self.outcomes)

    def count(self, outcome: str) -> int:
        """How many cells had an outcome."""
        return self.outcomes[OUTCOMES.index(outcome)]


class CellTable:
    """The state of every cell, made of the lines of a journal in their order.

    Attributes:
        codes: (requests, arms) 0 for a cell that is not over, else 1 and more for its outcome.
        damaged: lines that cannot be read.

    Args:
        requests: how many there are.
        arms: how many there are.
    """

    def __init__(self, requests: int, arms: int) -> None:
        self.codes = np.zeros((requests, arms), np.uint8)
        self.damaged: list[DamagedLine] = []
        self._sums = np.zeros((arms, 5))
        self._unknown = np.zeros(arms)
        self._open: dict[tuple[int, int], list[Reserved]] = {}
        self._counts = np.zeros((arms, len(OUTCOMES) + 1), np.int64)
        self._counts[:, 0] = requests

    def add(self, line: Line | DamagedLine) -> None:
        """Take the next line.

        Raises:
            IndexError: it is of a request or an arm that there is not.
        """
        if isinstance(line, AskedCell):
            self._over(line)
        elif isinstance(line, Reserved):
            self._open.setdefault((line.row, line.arm), []).append(line)
        elif isinstance(line, Released):
            self._settle(line.row, line.arm)
            self._sums[line.arm, 3] += line.spent_usd
            self._unknown[line.arm] += line.unknown_usd
        else:
            self.damaged.append(line)

    def read(self, lines: Iterable[Line | DamagedLine]) -> None:
        """Take lines, one after the other."""
        for line in lines:
            self.add(line)

    def forget(self, outcomes: Iterable[str]) -> int:
        """Have cells of these outcomes asked again; what they cost stays spent.

        Returns:
            How many there are.
        """
        again = np.isin(self.codes, [_CODES[it] for it in outcomes])
        for arm in range(again.shape[1]):
            codes, many = np.unique(self.codes[again[:, arm], arm], return_counts=True)
            self._counts[arm, codes] -= many
            self._counts[arm, 0] += many.sum()
        self.codes[again] = 0
        return int(again.sum())

    @property
    def unsettled(self) -> Iterator[Reserved]:
        """Cells that were asked, and of which it is not known what became of them."""
        for held in self._open.values():
            yield from held

    @property
    def spent_usd(self) -> float:
        """Of all attempts of all runs, as far as is known."""
        return float(self._sums[:, 3].sum())

    @property
    def unknown_usd(self) -> float:
        """Reserved for what was asked and may be billed, and is not known to be."""
        return float(self._unknown.sum()) + sum(it.usd for it in self.unsettled)

    @property
    def left(self) -> int:
        """Cells that are not over."""
        return int(self._counts[:, 0].sum())

    def totals(self, arm: int) -> ArmTotals:
        """What an arm has come to, from 0."""
        prompt, completion, latency, spent, calls = map(float, self._sums[arm])
        unsettled = sum(it.usd for it in self.unsettled if it.arm == arm)
        return ArmTotals(
            tuple(map(int, self._counts[arm, 1:])),
            int(calls),
            prompt,
            completion,
            latency,
            spent,
            float(self._unknown[arm]) + unsettled,
        )

    def _over(self, cell: AskedCell) -> None:
        code, before = _CODES[cell.outcome], self.codes[cell.row, cell.arm]
        self._counts[cell.arm, before] -= 1
        self._counts[cell.arm, code] += 1
        self.codes[cell.row, cell.arm] = code
        self._settle(cell.row, cell.arm)
        counted_usd, counted_unknown = cell.counted_usd or (0.0, 0.0)
        sums = self._sums[cell.arm]
        sums[3] += cell.spent_usd - counted_usd
        self._unknown[cell.arm] += cell.unknown_usd - counted_unknown
        prompt, completion, took = cell.prompt_tokens, cell.completion_tokens, cell.latency_s
        if cell.counted_usd is None and None not in (prompt, completion, took):
            sums[:3] += (prompt, completion, took)
            sums[4] += 1

    def _settle(self, row: int, arm: int) -> None:
        """What was reserved last for a cell is known now."""
        held = self._open.get((row, arm))
        if held:
            held.pop()
            if not held:
                del self._open[row, arm]
