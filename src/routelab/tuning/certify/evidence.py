"""What a part of a log says about a bound: bounded values, summed by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints, Policy, uniform
from routelab.logs.model import Split
from routelab.replay import ComparisonSet, Replay
from routelab.stats import BoundedSums, betting, place, rows_to_certify
from routelab.tuning.certify.demand import CertificateDemand


class Claim(NamedTuple):
    """That the mean of some values is at most a bound.

    Attributes:
        model: that regret is to; None for other goals.
        sample: losses: regret, USD per 1,000 requests, or minus quality.
        bound: in their units.
        refuted: a value was seen that was assumed never to occur.
    """

    demand: CertificateDemand
    model: str | None
    sample: BoundedSums
    bound: float
    refuted: bool = False

    def p_value(self, delta: float) -> float:
        """Of the claim being wrong, by betting."""
        return 1.0 if self.refuted else betting.p_value(self.sample, self.bound, delta)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Comparable rows of one part, in the order in which groups are tested.

    The order comes from a hash of the groups' request ids, so it depends neither on what
    happened nor on the order of the log.

    Attributes:
        largest: requests that count of a group, the first ones; known before the part is read.
    """

    comparison: ComparisonSet
    largest: int

    @cached_property
    def _rows(self) -> tuple[Ints, Ints]:
        """Rows that count, and the number of each one's group in the order of testing."""
        _, code = np.unique(self.comparison.groups, return_inverse=True)
        kept = np.flatnonzero(place(code) < self.largest)
        ids = [str(name) for name in self.comparison.log.requests.id]
        named: dict[int, str] = {}
        for row, group in zip(kept.tolist(), code[kept].tolist(), strict=True):
            named[group] = min(named.get(group, ids[row]), ids[row])
        drawn = {
            group: (uniform(self.comparison.seed, it, "certify"), it) for group, it in named.items()
        }
        rank = {group: at for at, group in enumerate(sorted(drawn, key=drawn.__getitem__))}
        return kept, np.array([rank[group] for group in code[kept].tolist()], dtype=np.int64)

    @cached_property
    def sizes(self) -> Floats:
        """(G,) requests that count of each group."""
        return np.bincount(self._rows[1]).astype(np.float64)

    @property
    def n_left_out(self) -> int:
        """Requests beyond the first `largest` of their group."""
        return len(self.comparison.log) - len(self._rows[0])

    @cached_property
    def _alone(self) -> Mapping[str, Floats]:
        """(n,) quality of each candidate alone, where it may serve."""
        fixed = zip(self.comparison.models, self.comparison.fixed(), strict=True)
        return {name: replay.quality for name, replay in fixed}

    def ceiling_usd(self, policy: Policy) -> float:
        """Twice what the dearest of these requests costs under a policy."""
        return 2.0 * float(self.comparison.replay(policy).cost_usd.max())

    def claims(
        self, demands: Sequence[CertificateDemand], policy: Policy, ceiling_usd: float | None = None
    ) -> list[Claim]:
        """Everything that must hold of a policy for the demands to hold.

        Regret to the best model is claimed of every candidate, because any may be the best.

        Args:
            ceiling_usd: what no request is assumed to cost more than; default what the
                dearest of these requests costs.
        """
        done = self.comparison.replay(policy)
        return [
            claim
            for demand in demands
            for claim in _GOALS[demand.goal](self, demand, done, ceiling_usd)
        ]

    def sample(self, values: Floats, low: float, high: float) -> BoundedSums:
        """(n,) values of the rows, summed by group."""
        rows, group = self._rows
        sums = np.bincount(group, values[rows]).astype(np.float64)
        return BoundedSums(sums, self.sizes, low, high, self.largest)

    def _regret(self, demand: CertificateDemand, done: Replay, _: float | None) -> Iterator[Claim]:
        for name, quality in self._alone.items():
            if demand.reference in (None, name):
                yield Claim(
                    demand, name, self.sample(quality - done.quality, -1.0, 1.0), demand.bound
                )

    def _quality(self, demand: CertificateDemand, done: Replay, _: float | None) -> Iterator[Claim]:
        yield Claim(demand, None, self.sample(-done.quality, -1.0, 0.0), -demand.bound)

    def _cost(
        self, demand: CertificateDemand, done: Replay, ceiling_usd: float | None
    ) -> Iterator[Claim]:
        dearest = float(done.cost_usd.max())
        ceiling = dearest if ceiling_usd is None else ceiling_usd
        top = 1000.0 * max(dearest, ceiling) or 1.0
        sample = self.sample(1000.0 * done.cost_usd, 0.0, top)
        yield Claim(demand, None, sample, demand.bound, refuted=dearest > ceiling)


_GOALS = {"regret": Evidence._regret, "quality": Evidence._quality, "cost": Evidence._cost}


def requests_needed(claims: Sequence[Claim], delta: float) -> int | None:
    """Requests with which every claim would pass 4 times of 5; None if one never would."""
    found = [
        None if claim.refuted else rows_to_certify(claim.sample, claim.bound, delta)
        for claim in claims
    ]
    known = [it for it in found if it is not None]
    return max(known) if len(known) == len(found) else None


def largest_group(cut: Split) -> int:
    """Requests in the largest group of the parts before the calibrate part."""
    rows = np.concatenate([cut.rows("train"), cut.rows("tune")])
    return max(1, int(np.bincount(cut.groups[rows]).max(initial=1)))
