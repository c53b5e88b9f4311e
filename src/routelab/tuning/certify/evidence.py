"""Evidence for or against bounds: losses in a known range, summed by group."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from routelab.core import Floats, Ints, Policy, uniform
from routelab.logs.model import Split
from routelab.policies import Fixed
from routelab.replay import ComparisonSet, Replay
from routelab.stats import (
    BoundedSums,
    RowsNeeded,
    Wealth,
    betting,
    block_length,
    place,
    rows_needed,
    wealth,
)
from routelab.tuning.certify.ceiling import Ceiling, ceiling
from routelab.tuning.certify.demand import CertificateDemand, Unit

Method = Literal["betting", "wealth"]
"""Bets on a number of groups known before, as certificates of 0.1.0 have; or without an end."""


class Claim(NamedTuple):
    """The claim that the mean of some values is at most a bound.

    Attributes:
        demand: what it was made for.
        model: that regret is to; None for other goals.
        sample: losses: regret, USD per 1,000 requests, or minus quality.
        bound: in their units.
        refuted: a value was seen that was assumed never to occur.
        identical: the policy is the model, so that its regret is zero whatever is asked.
        start: what bets on earlier groups came to.
        requests: that were tested; None for one each row.
        method: of the bet.
        timed: groups are in the order in which they began.
        alike_before: what `alike` was on earlier groups, which may be more than are bet on.
    """

    demand: CertificateDemand
    model: str | None
    sample: BoundedSums
    bound: float
    refuted: bool = False
    identical: bool = False
    start: Wealth = wealth.BEGINNING
    requests: int | None = None
    method: Method = "wealth"
    timed: bool = False
    alike_before: int = 1

    @property
    def alike(self) -> int:
        """Groups in a row over which values are alike, so that no bet on one after the other is
        fair; 1 where nothing shows that, or nothing tells which came after which."""
        if not self.timed or self.identical:
            return 1
        return max(self.alike_before, block_length(self.sample.sums[None], self.sample.sizes))

    def p_value(self, delta: float) -> float:
        """P-value against "the mean is the bound or more"; 1 if refuted or if neighbours in time
        are alike, 0 of an identity.

        Args:
            delta: level that the stakes of "betting" are sized for; the p-value is valid at any.
        Source: Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by
            betting".
        """
        if self.identical or self.refuted:
            return 0.0 if self.identical else 1.0
        if self.method == "betting":
            return betting.p_value(self.sample, self.bound, delta)
        if self.alike > 1:
            return 1.0
        return self.wealth.p_value if self._open else wealth.p_value(self.sample, self.bound)

    @property
    def wealth(self) -> Wealth:
        """What the bets have come to, those on earlier groups included."""
        open_bet = self._open and not self.identical
        return wealth.advanced(self.sample, self.bound, self.start) if open_bet else self.start

    def limit(self, delta: float) -> float:
        """Upper confidence limit of the mean.

        Args:
            delta: chance that the mean is above it.
        """
        if self.identical:
            return 0.0
        if self.method == "betting":
            return betting.upper(self.sample, delta)
        return wealth.upper(self.sample, delta, self.start, self.bound)

    @property
    def _open(self) -> bool:
        """Whether values may lie on either side of the bound, so that there is something to bet."""
        return self.sample.low < self.bound < self.sample.high


@dataclass(frozen=True, eq=False)
class Evidence:
    """The comparable rows of one part, with their groups in the order of testing.

    That is the order in which the groups began, so that the groups of a log that grows come at the
    end. Those that began at one time, and all of a log without times, are in the order of a hash
    of their request ids, which depends on neither what happened nor the order of the log.

    Attributes:
        comparison: the rows, on which every candidate was observed.
        largest: requests that count of a group, the first ones; known before the part is read.
        after_s, until_s: groups that began after the one and no later than the other, in Unix
            seconds; others are left aside.
        skip: of these groups the first ones that are left aside, because something was learned
            from them.
        method: of the bets; "betting" takes groups in the order of the hash alone.
    """

    comparison: ComparisonSet
    largest: int
    after_s: float = -math.inf
    until_s: float = math.inf
    skip: int = 0
    method: Method = "wealth"

    @cached_property
    def begun_s(self) -> Floats | None:
        """(n,) when the group of each row began; None unless every request has a time."""
        time = self.comparison.log.requests.timestamp_s
        if time is None or not bool(np.isfinite(time).all()):
            return None
        _, code = np.unique(self.comparison.groups, return_inverse=True)
        first = np.full(int(code.max(initial=-1)) + 1, np.inf)
        np.minimum.at(first, code, time)
        return first[code]

    @cached_property
    def _order(self) -> tuple[Ints, Ints]:
        """Rows of the groups that are looked at, and each one's place in the order of testing."""
        # A bet depends on the order of its groups. One from outcomes would be chosen to win, and
        # with the log's own a sorted log would have another result.
        _, code = np.unique(self.comparison.groups, return_inverse=True)
        begun = self.begun_s if self.method == "wealth" else None
        at = np.zeros(len(code)) if begun is None else begun
        ids = [str(name) for name in self.comparison.log.requests.id]
        named: dict[int, str] = {}
        for row, group in enumerate(code.tolist()):
            named[group] = min(named.get(group, ids[row]), ids[row])
        began = dict(zip(code.tolist(), at.tolist(), strict=True))
        drawn = {
            group: (began[group], uniform(self.comparison.seed, it, "certify"), it)
            for group, it in named.items()
            if begun is None or self.after_s < began[group] <= self.until_s
        }
        inside = sorted(drawn, key=drawn.__getitem__)[self.skip :]
        rank = np.full(int(code.max(initial=-1)) + 1, -1, dtype=np.int64)
        rank[inside] = np.arange(len(inside))
        rows = np.flatnonzero(rank[code] >= 0)
        return rows, rank[code[rows]]

    @cached_property
    def _rows(self) -> tuple[Ints, Ints]:
        """Rows that count, and the place of each one's group."""
        rows, group = self._order
        kept = place(group) < self.largest
        return rows[kept], group[kept]

    @cached_property
    def sizes(self) -> Floats:
        """(G,) requests that count of each group."""
        return np.bincount(self._rows[1]).astype(np.float64)

    def n_requests(self, demands: Sequence[CertificateDemand]) -> int:
        """Requests that were tested; of groups that count once each, all of them."""
        whole = all(demand.unit == "group" for demand in demands)
        return len(self._order[0]) if whole else int(self.sizes.sum())

    @property
    def n_left_out(self) -> int:
        """Requests beyond the first `largest` of their group."""
        return len(self._order[0]) - len(self._rows[0])

    @cached_property
    def _alone(self) -> Mapping[str, Floats]:
        """(n,) quality of each candidate alone, where it may serve."""
        fixed = zip(self.comparison.models, self.comparison.fixed(), strict=True)
        return {name: replay.quality for name, replay in fixed}

    def ceiling(self, policy: Policy, named_usd: float | None = None) -> Ceiling:
        """What no request to come is assumed to cost more than, under a policy.

        It is fixed by requests of tune, before the part that is tested is read, which may then
        refute it.

        Args:
            policy: whose calls are paid.
            named_usd: by the user; None where nobody named one.
        """
        return ceiling(policy, self.comparison, named_usd)

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
        found = [
            claim
            for demand in demands
            for claim in _GOALS[demand.goal](self, demand, done, ceiling_usd)
        ]
        timed = self.method == "wealth" and self.begun_s is not None
        same = [claim.model is not None and self._is_model(policy, claim.model) for claim in found]
        return [
            claim._replace(
                identical=it, method=self.method, requests=len(self._order[0]), timed=timed
            )
            for claim, it in zip(found, same, strict=True)
        ]

    def _is_model(self, policy: Policy, name: str) -> bool:
        """Whether a policy is a model alone, which nothing can rule out for a request."""
        model, requests = self.comparison.catalogue.model(name), self.comparison.log.requests
        limits = (model.capabilities, model.context_window)
        bounds = (requests.max_cost_usd, requests.deadline_s)
        free = all(it is None for it in limits)
        free = free and all(it is None or bool(np.isnan(it).all()) for it in bounds)
        return free and policy == Fixed(name)

    def sample(
        self, values: Floats, low: float, high: float, unit: Unit = "request"
    ) -> BoundedSums:
        """Values (n,) of the rows, summed by group.

        Args:
            values: (n,) losses of all rows; of a group only the first `largest` count.
            low, high: range that no value can leave, whatever was observed.
            unit: "group" takes the mean over all requests of each group, which counts once.
        """
        if unit == "group":
            rows, group = self._order
            means = np.bincount(group, values[rows]) / np.bincount(group)
            return BoundedSums(np.clip(means, low, high), np.ones(len(means)), low, high)
        rows, group = self._rows
        sums = np.bincount(group, values[rows]).astype(np.float64)
        return BoundedSums(sums, self.sizes, low, high, self.largest)

    def _regret(self, demand: CertificateDemand, done: Replay, _: float | None) -> Iterator[Claim]:
        for name, quality in self._alone.items():
            if demand.reference in (None, name):
                # A difference of two qualities in [0, 1]: this range needs no assumption.
                yield Claim(
                    demand,
                    name,
                    self.sample(quality - done.quality, -1.0, 1.0, demand.unit),
                    demand.bound,
                )

    def _quality(self, demand: CertificateDemand, done: Replay, _: float | None) -> Iterator[Claim]:
        sample = self.sample(-done.quality, -1.0, 0.0, demand.unit)
        yield Claim(demand, None, sample, -demand.bound)

    def _cost(
        self, demand: CertificateDemand, done: Replay, ceiling_usd: float | None
    ) -> Iterator[Claim]:
        dearest = float(done.cost_usd.max())
        ceiling = dearest if ceiling_usd is None else ceiling_usd
        top = 1000.0 * max(dearest, ceiling) or 1.0  # a free policy: any range holds its zeros
        sample = self.sample(1000.0 * done.cost_usd, 0.0, top, demand.unit)
        yield Claim(demand, None, sample, demand.bound, refuted=dearest > ceiling)


_GOALS = {"regret": Evidence._regret, "quality": Evidence._quality, "cost": Evidence._cost}


def requests_needed(claims: Sequence[Claim], delta: float) -> RowsNeeded:
    """Requests with which every claim would pass 4 times of 5; None if one never would.

    Args:
        claims: with what was measured of them.
        delta: level of the test.
    """
    each = [_needed(claim, delta) for claim in claims]
    return RowsNeeded(*(_most([it[end] for it in each]) for end in range(3)))


def _needed(claim: Claim, delta: float) -> RowsNeeded:
    if claim.identical:
        return RowsNeeded(1, 1, 1)
    if claim.refuted:
        return RowsNeeded(None, None, None)
    found = rows_needed(claim.sample, claim.bound, delta)
    # Of a bet on groups the rows are groups, and requests are asked for.
    if claim.demand.unit == "request" or claim.requests is None:
        return found
    size = claim.requests / len(claim.sample)
    return RowsNeeded(*(None if it is None else math.ceil(it * size) for it in found))


def _most(numbers: Sequence[int | None]) -> int | None:
    known = [it for it in numbers if it is not None]
    return max(known) if len(known) == len(numbers) else None


def largest_group(cut: Split) -> int:
    """Requests in the largest group of train and tune, the parts before calibrate."""
    # A bet needs to know the largest group before it sees one, so calibrate has no say in it.
    rows = np.concatenate([cut.rows("train"), cut.rows("tune")])
    return max(1, int(np.bincount(cut.groups[rows]).max(initial=1)))


FIRST = 50
"""Groups of a log without earlier requests that only say how large groups are; a tenth at most."""


def after_the_first(comparison: ComparisonSet) -> Evidence:
    """Evidence of a log without earlier requests: its first groups say how large groups are.

    Args:
        comparison: all rows of it. Where every request is a group of its own, all are tested.
    """
    _, sizes = np.unique(comparison.groups, return_counts=True)
    if sizes.max(initial=1) == 1:
        return Evidence(comparison, 1)
    whole = Evidence(comparison, len(comparison.groups))
    first = min(FIRST, max(1, len(sizes) // 10))
    return Evidence(comparison, int(whole.sizes[:first].max()), skip=first)
