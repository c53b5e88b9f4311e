"""The user's bounds on cost, quality, latency and on what groups may lose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from routelab.errors import TuningError

GROUPED = ("task", "tenant", "priority")
"""Columns whose groups can be protected from losing quality."""


class Floor(msgspec.Struct, frozen=True):
    """No group of requests may lose more than this against the best candidate alone.

    Attributes:
        by: column that groups requests, one of `GROUPED`.
        loss: of mean quality, in [0, 1]; 0.02 is two points.
    """

    by: str
    loss: float


class Bounds(msgspec.Struct, frozen=True):
    """Limits on what a policy does; None where there is none.

    Attributes:
        max_usd_per_1k: USD per 1,000 requests.
        min_quality: in [0, 1].
        min_quality_share: of the best candidate's quality on the same rows.
        max_p95_s: 95th percentile of latency in seconds, over requests with a latency.
        floors: what groups may lose, at most one for each column.
    """

    max_usd_per_1k: float | None = None
    min_quality: float | None = None
    min_quality_share: float | None = None
    max_p95_s: float | None = None
    floors: tuple[Floor, ...] = ()

    def check(self) -> None:
        """Refuse limits out of range.

        Raises:
            TuningError: naming every such limit.
        """
        problems = []
        if self.max_usd_per_1k is not None and not 0 < self.max_usd_per_1k < math.inf:
            problems.append(f"`max_usd_per_1k` is {self.max_usd_per_1k}; it must be positive")
        if self.min_quality is not None and not 0 <= self.min_quality <= 1:
            problems.append(f"`min_quality` is {self.min_quality}; quality lies in [0, 1]")
        if self.min_quality_share is not None and not 0 < self.min_quality_share <= 2:
            problems.append(
                f"`min_quality_share` is {self.min_quality_share}; it is a share of the best"
                " model's quality, for example 0.98"
            )
        if self.max_p95_s is not None and not 0 < self.max_p95_s < math.inf:
            problems.append(f"`max_p95_s` is {self.max_p95_s}; it must be positive")
        problems += _about(self.floors)
        if problems:
            raise TuningError(*problems)

    @property
    def further(self) -> bool:
        """Whether anything but means of cost and quality is bounded."""
        return self.max_p95_s is not None or bool(self.floors)

    @property
    def on_quality(self) -> bool:
        """Whether quality is bounded, so that the least cost is wanted."""
        return self.min_quality is not None or self.min_quality_share is not None

    @property
    def name_a_point(self) -> bool:
        """Whether cost or mean quality is bounded, which says which operating point is wanted."""
        return self.on_quality or self.max_usd_per_1k is not None

    def floor(self, best_quality: float) -> float | None:
        """The quality demanded, where the best candidate reaches `best_quality`; None for none."""
        floors = [] if self.min_quality is None else [self.min_quality]
        if self.min_quality_share is not None:
            floors.append(self.min_quality_share * best_quality)
        return max(floors, default=None)


def _about(floors: Sequence[Floor]) -> list[str]:
    """What is wrong with floors."""
    way_out = "give a tuple of Floor of routelab.tuning, such as (Floor('task', 0.02),)"
    if isinstance(floors, str | Mapping) or not isinstance(floors, Iterable):
        return [f"`floors` is {floors!r:.80}; {way_out}"]
    if others := [it for it in floors if not isinstance(it, Floor)]:
        return [f"`floors` holds {it!r:.80}; {way_out}" for it in others]
    problems = [
        f"`floors` {it.by}={it.loss:g}: requests are grouped by {', '.join(GROUPED)}"
        for it in floors
        if it.by not in GROUPED
    ] + [
        f"`floors` {it.by}={it.loss:g}: the loss lies in [0, 1]; 0.02 is two points"
        for it in floors
        if not 0 <= it.loss <= 1
    ]
    named = [it.by for it in floors]
    return problems + [
        f"`floors` {by} is given {named.count(by)} times; once is enough"
        for by in dict.fromkeys(named)
        if named.count(by) > 1
    ]
