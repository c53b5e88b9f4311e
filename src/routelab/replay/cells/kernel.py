"""One pass over some requests: what each call of a chain adds, by the confidences before it.

Call s of a cascade is made where the s confidences before it miss their thresholds, whatever
the others are. So what it adds (its cost, the quality it brings and the quality of the answer
it replaces) is summed in cells of those s confidences alone, and prefix sums along each of
them answer every threshold vector at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats, Ints
from routelab.logs.model import Log
from routelab.replay.cells.levels import Levels
from routelab.replay.cells.spec import Chain, Spec
from routelab.replay.cells.stats import Stats

_BLOCK = 1 << 16
_FEW = 1 << 12
"""Cells up to which a block is summed apart: many rows fall in each, and rounding adds up."""


def kernel(batch: Log, spec: Spec, groups: Ints | None = None) -> Stats:
    """Add up a batch of requests.

    Args:
        batch: arrays as they are read, of complete requests: no outcome of a chain's model
            is missing.
        groups: (n,) labels of the requests; None for a single group.
    """
    tally = Tally(spec)
    tally.add(batch, groups)
    return tally.stats()


class Tally:
    """Statistics in the making, for many batches of one partition."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._calls = Stats.empty(spec).calls

    def add(self, batch: Log, groups: Ints | None = None) -> None:
        """Add another batch.

        Args:
            batch: arrays as they are read, of complete requests.
            groups: (n,) labels of the requests; None for a single group.
        """
        reached = _Reached(batch, self._spec.signal)
        for chain, calls in zip(self._spec.chains, self._calls, strict=True):
            cell = np.zeros(len(batch), dtype=np.int64) if groups is None else groups
            for call, into in enumerate(calls):
                if call:
                    levels = chain.levels[call - 1]
                    cell = cell * (len(levels) + 1) + reached(chain.models[call - 1], levels)
                flat = into.reshape(len(into), -1)
                for total, values in zip(flat, self._added(batch, chain, call), strict=True):
                    _sum(total, cell, values)

    def stats(self) -> Stats:
        """What was added up so far."""
        return Stats(self._spec, self._calls)

    def _added(self, batch: Log, chain: Chain, call: int) -> list[Floats | float]:
        """What a call adds to each request, in the order of the spec's sums."""
        signal, models = self._spec.signal, chain.models
        column, last = batch.column(models[call]), call == len(models) - 1
        key = slice(None), column
        values: list[Floats | float] = [
            1.0,
            batch.cost_usd[key] if last else batch.cost_with(signal, key),
            delivered_last(batch, signal, models) if last else batch.quality[key],
            batch.quality[:, batch.column(models[call - 1])] if call else 0.0,
        ]
        return [*values, batch.latency_s[key]] if self._spec.latency else values


def delivered_last(log: Log, signal: str, models: Sequence[str]) -> Floats:
    """(n,) quality where every model of a chain is asked.

    It is the last one's; where that call failed, the most confident earlier answer's, the
    later of equals, as `routelab.replay` has it.

    Args:
        log: outcomes (n, m) with none of the chain's models missing.
        signal: confidence by which earlier answers are compared.
        models: of the chain, in the order they are asked.
    """
    columns = [log.column(name) for name in models]
    quality = log.quality[:, columns[-1]]
    failed = log.error[:, columns[-1]]
    if not failed.any():
        return quality
    rows = np.flatnonzero(failed)
    kept, best = np.zeros(len(rows)), np.full(len(rows), -np.inf)
    for column in columns[:-1]:
        seen = log.signals[signal][rows, column]
        confidence = np.where(np.isnan(seen), -np.inf, seen)
        better = ~log.error[rows, column] & (confidence >= best)
        best = np.where(better, confidence, best)
        kept = np.where(better, log.quality[rows, column], kept)
    quality = quality.copy()
    quality[rows] = kept
    return quality


class _Reached:
    """Levels reached in a batch, found once for each model and its levels."""

    def __init__(self, batch: Log, signal: str) -> None:
        self._batch, self._signal = batch, signal
        self._found: dict[tuple[str, int], Ints] = {}

    def __call__(self, model: str, levels: Levels) -> Ints:
        key = model, id(levels)
        if key not in self._found:
            column = self._batch.column(model)
            self._found[key] = levels.reached(self._batch.signals[self._signal][:, column])
        return self._found[key]


def _sum(total: Floats, cell: Ints, values: Floats | float) -> None:
    """Add values (n,) to the cells (n,) of a total, in the order of the rows."""
    if isinstance(values, float) and values == 0.0:
        return
    if len(total) > _FEW:
        np.add.at(total, cell, values)
        return
    for start in range(0, len(cell), _BLOCK):
        block = slice(start, start + _BLOCK)
        if isinstance(values, float):
            total += np.bincount(cell[block], minlength=len(total))
        elif len(total) == 1:
            total += values[block].sum()
        else:
            total += np.bincount(cell[block], values[block], minlength=len(total))
