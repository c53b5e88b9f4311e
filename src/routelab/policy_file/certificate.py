"""What was proved of a policy on requests that nothing was chosen on, as plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

Range = tuple[float, float]


class LaterCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certified figure on test, which nothing was decided on: does it still hold there?

    Attributes:
        n_requests: of test.
        estimate: on test, in the unit of the bound, with its 95 % interval.
        drift: test minus the certified part, in the same unit.
        drift_ci: its 95 % interval.
        drift_p: two-sided p-value of no drift, asymptotic.
    """

    n_requests: int
    estimate: float
    interval: Range
    drift: float
    drift_ci: Range
    drift_p: float


class CertifiedBound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bound that was tested, and what the test found.

    Attributes:
        goal: "regret" and "quality" in units of quality, "cost" in USD per 1,000 requests.
        bound: the mean regret or cost at most, the mean quality at least.
        reference: model that regret is to; None for every candidate, hence the best.
        against: of them the one that was hardest to certify.
        p_value: of the bound being broken, by betting; the largest over all candidates.
        estimate: mean on the certified part.
        limit: one-sided confidence limit of the mean at probability 1 - delta.
        p_hoeffding_bentkus, p_clt_asymptotic: the same by other tests, for comparison.
        ceiling_usd: what no request is assumed to cost more than; only for cost.
        refuted: a request did cost more, so the p-value is 1.
        requests_needed: with so many the test would pass 4 times of 5, if the estimate stays;
            None where no number would do.
        later: the same figure on test; None if test was not read.
        unit: that the mean is over: requests, or groups of them, each of which counts once.
        ceiling_from: "named" by the user, "limits" of tokens at their prices, or "data": earlier
            requests, so that it is an assumption; None where no cost is bounded.
        needed_at_least, needed_at_most: between which `requests_needed` lies 4 times of 5, as the
            mean is known no better; None of the latter where no number may do, of both
            where it passed.
        alike: groups in a row over which neighbours in time are alike, so that the p-value is 1;
            1 where nothing shows that.
    """

    goal: Literal["regret", "cost", "quality"]
    bound: float
    reference: str | None
    against: str | None
    p_value: float
    estimate: float
    limit: float
    p_hoeffding_bentkus: float
    p_clt_asymptotic: float
    ceiling_usd: float | None = None
    refuted: bool = False
    requests_needed: int | None = None
    later: LaterCheck | None = None
    unit: Literal["request", "group"] = "request"
    ceiling_from: Literal["named", "limits", "data"] | None = None
    needed_at_least: int | None = None
    needed_at_most: int | None = None
    alike: int = 1

    @property
    def broken_later(self) -> bool:
        """Whether the interval on test lies wholly on the wrong side of the bound."""
        if self.later is None:
            return False
        low, high = self.later.interval
        return high < self.bound if self.goal == "quality" else low > self.bound


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds that hold together with probability 1 - delta or more, or were not proved to.

    Attributes:
        holds: whether all bounds passed.
        text: that in a sentence.
        goals: each bound, on the exported policy.
        part: the requests it was tested on; n_groups of them were drawn, each at most
            `largest_group` requests of one `group`.
        n_requests: that were tested.
        n_left_out: requests beyond the first `largest_group` of their group.
        path: points of the path that was fixed on tune; of them `passed` did.
        requests_needed: requests of that part with which the exported policy would pass; None
            where it holds, or no number would do.
        safest_needed: the same of the safest point of the path.
        assumptions: what the probability rests on, in sentences.
        method: "betting" on a number of groups known before, or "wealth": on groups in the order in
            which they began, so that it holds at every look at a log that grows.
        look: how often bets on this policy and these bounds were looked at, this time included.
        n_groups_before: groups of earlier logs, whose bets were gone on with.
        needed_at_least, needed_at_most: as of a bound; of all of them together.
    """

    holds: bool
    delta: float
    text: str
    goals: tuple[CertifiedBound, ...]
    method: Literal["betting", "wealth"] = "betting"
    part: str
    group: str
    n_requests: int
    n_groups: int
    largest_group: int
    n_left_out: int
    path: int
    passed: int
    requests_needed: int | None = None
    safest_needed: int | None = None
    assumptions: tuple[str, ...]
    look: int = 1
    n_groups_before: int = 0
    needed_at_least: int | None = None
    needed_at_most: int | None = None
