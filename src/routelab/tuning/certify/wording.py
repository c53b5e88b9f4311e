"""Certificates in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from routelab.core.messages import bracketed, counted
from routelab.policy_file import Certificate, CertifiedBound
from routelab.tuning.certify import ceiling
from routelab.tuning.certify.demand import CertificateDemand
from routelab.tuning.certify.evidence import Evidence

DRIFT = 0.05
"""P-value of "no drift" below which a change of traffic is reported."""


def rule(demands: Sequence[CertificateDemand]) -> str:
    """Why the certified point was picked; "on tune" follows."""
    cheap = any(demand.goal != "cost" for demand in demands)
    return f"{'least cost' if cheap else 'most quality'} that was certified, along a path fixed"


def sentence(it: Certificate) -> str:
    """What was proved, or what stands in the way."""
    claims = " and ".join(claim(goal, it.group) for goal in it.goals)
    where = f"on {it.n_requests:,} {it.part} requests{_looks(it)}"
    if it.holds:
        return f"certified {where}: {claims}, with probability {1 - it.delta:g} or more"
    reasons = "; ".join([*_failed(it), *_more(it)])
    return f"not certified {where}: {claims}, with probability {1 - it.delta:g} ({reasons})"


def _looks(it: Certificate) -> str:
    """What a look at a log that grew rests on besides these requests."""
    if not it.n_groups_before:
        return ""
    return f", and bets on {it.n_groups_before:,} groups before them"


def claim(goal: CertifiedBound, group: str = "group") -> str:
    """The bound in words, with what was measured and what is assumed of costs.

    Args:
        goal: that was tested.
        group: what counts once where groups do, in words.
    """
    measured = f"[measured {goal.estimate:.3g}, limit {goal.limit:.3g}]"
    if goal.unit == "group":
        measured = f"as a mean over {_plural(group)} {measured}"
    if goal.goal == "regret":
        to = goal.reference or "the best model"
        return f"regret to {to} is at most {goal.bound:g} {measured}"
    if goal.goal == "cost":
        text = f"cost is at most {goal.bound:g} USD per 1,000 requests {measured}"
        if goal.ceiling_usd is None:
            return text
        return f"{text} if {ceiling.words(goal.ceiling_usd, goal.ceiling_from)}"
    return f"quality is at least {goal.bound:g} {measured}"


def _plural(group: str) -> str:
    return "requests" if group == "id" else f"{group}s"


def _failed(it: Certificate) -> Iterator[str]:
    for goal in it.goals:
        if goal.refuted:
            yield f"a request cost more than the {goal.ceiling_usd:.4g} USD assumed"
        elif goal.alike > 1:
            yield (
                f"{goal.goal} of neighbours in time is alike, over {goal.alike:,} of {it.group} in"
                " a row: a bet on one after the other is not fair; group by what holds them"
                " together, such as a column of hours"
            )
        elif goal.p_value > it.delta:
            yield f"p-value of {goal.goal} is {goal.p_value:.2g}, above {it.delta:g}"


def _more(it: Certificate) -> Iterator[str]:
    """How many requests would do."""
    if all(goal.p_value <= it.delta for goal in it.goals):
        yield "the path failed before it reached this policy, so its own test counts for nothing"
    elif any(goal.alike > 1 for goal in it.goals):
        return
    elif it.requests_needed is not None:
        number = f"about {it.requests_needed:,} {it.part} requests"
        yield f"{number} would certify this policy{_range(it)}"
    elif it.needed_at_least is not None:
        yield (
            "no number of requests would certify this policy if the estimates stay; if they are as"
            f" far off as they may well be, {it.needed_at_least:,} or more"
        )
    else:
        yield "no number of requests would certify this policy if the estimates stay"
    if it.safest_needed is not None:
        yield f"about {it.safest_needed:,} would certify the safest one on the path"
    if it.n_groups < it.n_requests and any(goal.unit == "request" for goal in it.goals):
        yield (
            f"where a {it.group} may have {it.largest_group:,} requests, a bound with /group, by"
            f" which each {it.group} counts once, needs fewer"
        )


def _range(it: Certificate) -> str:
    """Between which numbers it lies 4 times of 5; empty where that was not asked."""
    low, high = it.needed_at_least, it.needed_at_most
    if low is None:
        return ""
    return f" ({low:,} or more)" if high is None else f" ({low:,} to {high:,})"


def later(goal: CertifiedBound, part: str) -> str | None:
    """How the figure fares on test; None where test was not read."""
    if goal.later is None:
        return None
    it, (low, high) = goal.later, goal.later.interval
    text = f"{goal.goal} on test, beside its certified bound of {goal.bound:g}:"
    text += f" {it.estimate:.3g} {bracketed((low, high), '.3g')}, {it.drift:+.3g} since {part}"
    text += f" (p = {it.drift_p:.2g}{': traffic has changed' if it.drift_p < DRIFT else ''})"
    return f"{text}; the bound does not hold on later requests" if goal.broken_later else text


def assumptions(on: Evidence, group: str, goals: Sequence[CertifiedBound]) -> Iterator[str]:
    """What the probability rests on."""
    yield (
        f"exchangeability: requests to come are like those of the {on.comparison.part} part, as if"
        f" drawn with them, each {group} as a whole; compare test, and certify anew when"
        " traffic, prices or models change"
    )
    if on.method == "wealth" and on.begun_s is None:
        yield (
            "one look: without timestamps nothing tells which requests are new, so that a longer"
            " log has to be tested as a look of its own"
        )
    if any(goal.unit == "request" for goal in goals):
        yield (
            f"no {group} has more than {counted(on.largest, 'request')}; further ones"
            f" do not count ({on.n_left_out:,} here)"
        )
    yield from (
        ceiling.words(goal.ceiling_usd, goal.ceiling_from)
        for goal in goals
        if goal.ceiling_usd is not None
    )
    if dropped := on.comparison.coverage.n_dropped:
        yield (
            f"the {dropped:,} requests of the part that lack an outcome of a candidate are like"
            " the others"
        )
    yield "the log's quality is what is wanted, and its costs are what will be paid"
