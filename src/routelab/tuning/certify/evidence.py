"""Evidence for or against bounds: losses in a known range, summed by group."""

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
    """The claim that the mean of some values is at most a bound.

    Attributes:
        demand: what it was made for.
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
        """P-value against "the mean is the bound or more", by betting; 1 if refuted.

        Args:
            delta: level that stakes are sized for; the p-value is valid at any level.
        Source: Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by
            betting".
        """
        return 1.0 if self.refuted else betting.p_value(self.sample, self.bound, delta)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The comparable rows of one part, with their groups in the order of testing.

    The order comes from a hash of the groups' request ids, so it depends neither on what
    happened nor on the order of the log.

    Attributes:
        comparison: the rows, on which every candidate was observed.
        largest: requests that count of a group, the first ones; known before the part is read.
    """

    comparison: ComparisonSet
    largest: int

    @cached_property
    def _rows(self) -> tuple[Ints, Ints]:
        """Rows that count, and the number of each one's group in the order of testing."""
        # A bet depends on the order of its groups. One from outcomes would be chosen to win, and
        # with the log's own a sorted log would have another result.
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
        """USD that no request to come is assumed to cost more than, under a policy.

        Twice what the dearest of these requests costs. It is taken from tune, before the part that
        is tested is read, which may then refute it.
        """
        return 2.0 * float(self.comparison.replay(policy).cost_usd.max())

    def claims(
        self, demands: Sequence[CertificateDemand], policy: Policy, ceiling_usd: float | None = None
    ) -> list[Claim]:
        """Everything that must hold of a policy for the demands to hold.

        Regret to the best model is claimed of every candidate, because any may be the best.

        Args:
            demands: bounds to prove.
            policy: that they are claimed of.
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
        """Values (n,) of the rows, summed by group.

        Args:
            values: (n,) losses of all rows; of a group only the first `largest` count.
            low, high: range that no value can leave, whatever was observed.
        """
        rows, group = self._rows
        sums = np.bincount(group, values[rows]).astype(np.float64)
        return BoundedSums(sums, self.sizes, low, high, self.largest)

    def _regret(self, demand: CertificateDemand, done: Replay, _: float | None) -> Iterator[Claim]:
        for name, quality in self._alone.items():
            if demand.reference in (None, name):
                # A difference of two qualities in [0, 1]: this range needs no assumption.
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
        top = 1000.0 * max(dearest, ceiling) or 1.0  # a free policy: any range holds its zeros
        sample = self.sample(1000.0 * done.cost_usd, 0.0, top)
        yield Claim(demand, None, sample, demand.bound, refuted=dearest > ceiling)


_GOALS = {"regret": Evidence._regret, "quality": Evidence._quality, "cost": Evidence._cost}


def requests_needed(claims: Sequence[Claim], delta: float) -> int | None:
    """Requests with which every claim would pass 4 times of 5; None if one never would.

    Args:
        claims: with what was measured of them, taken for the truth.
        delta: level of the test.
    """
    found = [
        None if claim.refuted else rows_to_certify(claim.sample, claim.bound, delta)
        for claim in claims
    ]
    known = [it for it in found if it is not None]
    return max(known) if len(known) == len(found) else None


def largest_group(cut: Split) -> int:
    """Requests in the largest group of train and tune, the parts before calibrate."""
    # A bet needs to know the largest group before it sees one, so calibrate has no say in it.
    rows = np.concatenate([cut.rows("train"), cut.rows("tune")])
    return max(1, int(np.bincount(cut.groups[rows]).max(initial=1)))
