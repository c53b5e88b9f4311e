"""The user's bounds, made ready to hold policies against on one part of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from routelab.core import Floats, Ints, Policy
from routelab.errors import TuningError
from routelab.replay import ComparisonSet, Replay
from routelab.tuning.objectives.bounds import Bounds
from routelab.tuning.objectives.score import PolicyScore

FEWEST = 30
"""Requests below which a group's loss cannot be judged."""

LATENCY = "latency_p95"

Excess: TypeAlias = Mapping[str, float]
"""By bound, how far it is broken; 0 or less where it holds."""


class Groups(NamedTuple):
    """Requests grouped by one column, of which no group may lose much.

    Attributes:
        by: the column.
        names: of groups large enough to judge.
        codes: (n,) index of each request's group in `names`, or their number for none.
        sizes: (len(names),) requests of each.
        reference: (len(names),) mean quality of the reference model in each.
        loss: how much quality a group may lose against it.
        small: sizes of the groups too small to judge, by name.
    """

    by: str
    names: tuple[str, ...]
    codes: Ints
    sizes: Ints
    reference: Floats
    loss: float
    small: Mapping[str, int]

    def losses(self, quality: Floats) -> Floats:
        """(len(names),) mean quality that each group loses against the reference model.

        Args:
            quality: (n,) of each request under a policy.
        """
        return np.asarray(self.reference - _sums(self.codes, quality, len(self.names)) / self.sizes)

    def keys(self) -> list[str]:
        """`column=group` of each."""
        return [f"{self.by}={name}" for name in self.names]


@dataclass(frozen=True, eq=False)
class Demands:
    """The user's bounds on one part of a log.

    Attributes:
        bounds: as given.
        floor: the least mean quality; None for none.
        reference: what groups are compared to: the candidate that is best alone on tune.
        groups: by the columns that bounds name.
    """

    bounds: Bounds
    floor: float | None
    reference: Policy
    groups: tuple[Groups, ...]

    @property
    def timed(self) -> bool:
        """Whether a bound looks at latency."""
        return self.bounds.max_p95_s is not None

    def further(self, replay: Replay) -> dict[str, float]:
        """The excess over bounds on latency and on groups.

        Latency counts as a share of its bound, and so does cost in `excess`: the sum over
        bounds, by which a search ranks what breaks some, then weighs them about alike.
        """
        found: dict[str, float] = {}
        if (longest := self.bounds.max_p95_s) is not None:
            found[LATENCY] = p95_s(replay) / longest - 1
        for it in self.groups:
            losses = it.losses(replay.quality) - it.loss
            found |= zip(it.keys(), losses.tolist(), strict=True)
        return found

    def excess(self, score: PolicyScore, replay: Replay) -> dict[str, float]:
        """The excess over every bound."""
        found = self.further(replay)
        if (ceiling := self.bounds.max_usd_per_1k) is not None:
            found["cost"] = score.usd_per_1k / ceiling - 1
        if self.floor is not None:
            found["quality"] = self.floor - score.quality
        return found

    def out_of_reach(self, tried: Sequence[Excess]) -> TuningError:
        """The error for when no policy meets the bounds on latency and groups.

        Args:
            tried: of each policy, by how much it breaks each bound; not empty.
        """
        least = {key: min(excess[key] for excess in tried) for key in tried[0]}
        never = {key: value for key, value in least.items() if value > 0}
        if never:
            return TuningError(
                f"no policy meets these bounds on tune: {self._excess_text(never, ' at best')};"
                " loosen them, or offer other `models`"
            )
        nearest = min(tried, key=lambda excess: sum(max(0.0, value) for value in excess.values()))
        broken = {key: value for key, value in nearest.items() if value > 0}
        return TuningError(
            "no policy meets all bounds on latency and groups at once on tune, though each can be"
            f" met alone; at the nearest, {self._excess_text(broken)}; loosen them, or offer other"
            " `models`"
        )

    def _excess_text(self, excess: Excess, best: str = "") -> str:
        allowed = {key: it.loss for it in self.groups for key in it.keys()}  # noqa: SIM118
        longest = self.bounds.max_p95_s or 0.0
        return "; ".join(
            f"P95 latency is {longest * (1 + value):.4g} s{best}, and {longest:g} s is allowed"
            if key == LATENCY
            else f"{key} loses {100 * (allowed[key] + value):.2f} points{best} against"
            f" {self.reference.models_used[0]}, and {100 * allowed[key]:g} are allowed"
            for key, value in excess.items()
        )


def is_met(excess: Excess) -> bool:
    """Whether no bound is broken."""
    return all(value <= 0 for value in excess.values())


def demands(
    bounds: Bounds, comparison: ComparisonSet, best: Policy, best_quality: float
) -> Demands:
    """The bounds on these rows.

    Args:
        bounds: as given.
        comparison: the rows.
        best: the candidate that is best alone on tune; groups are compared to it.
        best_quality: its mean quality in [0, 1], of which a share may be demanded.
    Raises:
        TuningError: a bound asks for what the log does not have; all of them are named.
    """
    problems, groups = [], []
    if bounds.max_p95_s is not None and not np.isfinite(comparison.log.latency_s).any():
        problems.append(
            f"`max_p95_s`: {comparison.log.name} has no latency of any candidate; add a latency"
            " column, or leave the bound out"
        )
    alone = comparison.replay(best).quality
    for floor in bounds.floors:
        column = getattr(comparison.log.requests, floor.by)
        if column is None:
            problems.append(
                f"`floors` {floor.by}={floor.loss:g}: {comparison.log.name} has no"
                f" {floor.by} column"
            )
        else:
            groups.append(_groups(floor.by, floor.loss, column.tolist(), alone))
    if problems:
        raise TuningError(*problems)
    return Demands(bounds, bounds.floor(best_quality), best, tuple(groups))


def p95_s(replay: Replay) -> float:
    """95th percentile of the latencies observed, in seconds; infinite if none was."""
    observed = replay.latency_s[~np.isnan(replay.latency_s)]
    return float(np.quantile(observed, 0.95)) if len(observed) else np.inf


def _groups(by: str, loss: float, column: Sequence[object], alone: Floats) -> Groups:
    labels = np.array(["" if value is None else str(value) for value in column], dtype=object)
    found, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    judged = np.flatnonzero(counts >= FEWEST)
    place = np.full(len(found), len(judged))
    place[judged] = np.arange(len(judged))
    codes, sizes = place[inverse], counts[judged]
    return Groups(
        by,
        tuple(str(found[index]) for index in judged),
        codes,
        sizes,
        _sums(codes, alone, len(judged)) / sizes,
        loss,
        {str(found[index]): int(counts[index]) for index in np.flatnonzero(counts < FEWEST)},
    )


def _sums(codes: Ints, values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(codes, values, minlength=count + 1)[:count])
