"""What changes task by task when one policy takes another's place, and what of it is proven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.replay import figure_intervals
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.measure import Measure, OutcomeSums
from routelab.replay.result import Replay
from routelab.stats import Interval, MethodInterval, Resamples, joint_widening, moved_out

RESAMPLES = 2000


class CellChange(NamedTuple):
    """A mean change on some requests.

    Attributes:
        value: new less old.
        ends: its 95 % interval.
        joint: its interval that holds together with those of all cells, of both measures; None
            where its groups are too few to bear one.
    """

    value: float
    ends: Interval
    joint: Interval | None


def cell_changes(
    on: ComparisonSet, before: Replay, after: Replay, cells: Ints, among: Sequence[int]
) -> list[tuple[CellChange, CellChange]]:
    """Changes of quality, and of USD per 1,000 requests, on the requests of each cell.

    Cells are resampled one by one, so that their joint intervals are those of independent ones:
    where requests of one group lie in several cells, they are no less than wide enough.

    Args:
        on: the requests.
        before, after: replays of them all.
        cells: (n,) the cell of each.
        among: cells that are asked for; each has some request.
    """
    measures = [_measured(on, before, after, np.flatnonzero(cells == cell)) for cell in among]
    if not measures:
        return []
    pairs = [_pair(*it) for it in measures]
    samples = [
        (new.qualities - old.qualities, new.costs_usd - old.costs_usd) for old, new, _ in measures
    ]
    factor = joint_widening(np.column_stack([one for pair in samples for one in pair]))

    def judged(value: float, found: MethodInterval) -> CellChange:
        low, high = moved_out(value, found.ends, factor)
        return CellChange(value, found.ends, None if found.method.refusal else Interval(low, high))

    return [(judged(*quality), judged(*cost)) for quality, cost in pairs]


_Found = tuple[float, MethodInterval]


def _pair(old: Measure, new: Measure, among: figure_intervals.CostRange) -> tuple[_Found, _Found]:
    return (
        (new.quality - old.quality, figure_intervals.quality_difference(new, old)),
        (1000 * (new.cost_usd - old.cost_usd), figure_intervals.saving(old, new, among)),
    )


def _measured(
    on: ComparisonSet, before: Replay, after: Replay, rows: Ints
) -> tuple[Measure, Measure, figure_intervals.CostRange]:
    """Both policies on some rows, and what the candidates alone cost there."""
    resamples = Resamples(on.groups[rows], n_resamples=RESAMPLES, seed=on.seed)
    done = [column for it in (before, after) for column in (it.quality, it.cost_usd)]
    columns = np.column_stack([*done, *(it.cost_usd for it in on.fixed())])[rows]
    sums = resamples.sums(columns)
    means = resamples.means_of(sums[[0, 1, 2, 3, -1]])
    old, new = (_measure(sums, means, at) for at in (0, 2))
    alone = [old._replace(sums=old.sums._replace(cost_usd=it)) for it in sums[4:-1]]
    return old, new, figure_intervals.cost_range(alone)


def _measure(sums: Floats, means: Floats, at: int) -> Measure:
    rows = sums[-1].sum()
    return Measure(
        float(sums[at].sum() / rows),
        float(sums[at + 1].sum() / rows),
        means[:, at],
        means[:, at + 1],
        OutcomeSums(sums[at], sums[at + 1], sums[-1]),
    )
