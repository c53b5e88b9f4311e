"""Break-even prices: how dear the next model may become before asking it no longer pays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from routelab.core import Decision, Floats, Policy
from routelab.errors import RouteError
from routelab.metrics import hull
from routelab.replay import RESAMPLES, ComparisonSet, Range, decide
from routelab.stats import Resamples, interval


class Escalation(msgspec.Struct, frozen=True):
    """What a policy gets and pays for going on from one model's answer to the next model.

    Take the n requests on which the policy asks `next_model` although `model` gave an answer.
    On each, q is the quality delivered in the end minus that of `model`'s answer; c is what
    the calls of `next_model` from there on cost, o what all other calls from there on cost.
    With lambda the quality that a dollar must buy (`trade_off`), and the price of
    `next_model` times f, going on is worth it while `sum q >= lambda * (sum o + f * sum c)`.
    The break-even factor is the f of equality, `(sum q / lambda - sum o) / sum c`.

    Attributes:
        model, next_model: the pair.
        n_requests, share: how many requests, and which share in [0, 1] of all.
        quality, usd_other, usd_next: means of q, o and c.
        break_even: factor on today's price; at or below 0 no price is low enough. None where
            lambda is 0, or the calls cost nothing: then no price is too high.
        break_even_ci: 95 % interval, requests resampled by group and lambda held.
        break_even_usd: that factor times `usd_next`, USD per request.
    """

    model: str
    next_model: str
    n_requests: int
    share: float
    quality: float
    usd_other: float
    usd_next: float
    break_even: float | None
    break_even_ci: Range | None
    break_even_usd: float | None


def trade_off(cost: Sequence[float], quality: Sequence[float], at: float) -> float:
    """Marginal quality per USD at a cost: what a policy of that cost gets for its last dollar.

    The slope of the non-decreasing concave hull of the points just below `at`: of the segment
    that ends there or holds it. At or below the cheapest point it is the first segment's, at or
    above the best point the last one's. 0 where one point is both.

    Args:
        cost, quality: (k,) of what there is to choose from; cost in USD per request.
        at: USD per request.
    Returns:
        Quality per USD.
    """
    corners = hull(cost, quality)
    if len(corners.cost) < 2:
        return 0.0
    slopes = np.diff(corners.quality) / np.diff(corners.cost)
    segment = int(np.searchsorted(corners.cost, at)) - 1
    return float(slopes[min(max(segment, 0), len(slopes) - 1)])


def escalations(
    policy: Policy, comparison: ComparisonSet, quality_per_usd: float
) -> tuple[Escalation, ...]:
    """The escalations of a policy, by pair of models, those of most requests first.

    Args:
        policy: whose decisions are taken.
        comparison: rows to decide.
        quality_per_usd: lambda; see `trade_off`.
    """
    sums: dict[tuple[str, str], Floats] = {}
    for row in range(len(comparison.log)):
        decision = _decision(policy, comparison, row)
        if decision is not None:
            _add(decision, comparison, row, sums)
    samples = Resamples(comparison.groups, n_resamples=RESAMPLES, seed=comparison.seed)
    pairs = [_told(pair, columns, quality_per_usd, samples) for pair, columns in sums.items()]
    return tuple(
        sorted(
            pairs,
            key=lambda escalation: (
                -escalation.n_requests,
                escalation.model,
                escalation.next_model,
            ),
        )
    )


def _decision(policy: Policy, comparison: ComparisonSet, row: int) -> Decision | None:
    try:
        return decide(
            policy,
            comparison.log,
            row,
            catalogue=comparison.catalogue,
            seed=comparison.seed,
            estimates=comparison.estimates,
            cache=comparison.cache,
        )
    except RouteError:
        return None


def _add(
    decision: Decision, comparison: ComparisonSet, row: int, sums: dict[tuple[str, str], Floats]
) -> None:
    """Put q, o, c and 1 into the (n, 4) columns of each pair that the decision goes through."""
    log = comparison.log
    steps = [it for it in decision.steps if it.call.model not in comparison.gone]
    delivered = log.quality[row, log.column(decision.answer.model)]
    for index, (one, following) in enumerate(pairwise(steps)):
        if one.feedback.error is not None:
            continue
        model, next_model = one.call.model, following.call.model
        later = [(it.call.model, it.feedback.cost_usd) for it in steps[index + 1 :]]
        spent = math.fsum(usd for name, usd in later if name == next_model)
        other = math.fsum(usd for name, usd in later if name != next_model)
        gained = delivered - log.quality[row, log.column(model)]
        columns = sums.setdefault((model, next_model), np.zeros((len(log), 4)))
        columns[row] += gained, other, spent, 1.0


def _told(
    pair: tuple[str, str], columns: Floats, quality_per_usd: float, samples: Resamples
) -> Escalation:
    quality, other, spent, n = (math.fsum(column) for column in columns.T)
    factor, ends = None, None
    if quality_per_usd > 0 and spent > 0:
        factor = (quality / quality_per_usd - other) / spent
        means = samples.means(columns)
        there = means[:, 2] > 0
        drawn = (means[there, 0] / quality_per_usd - means[there, 1]) / means[there, 2]
        ends = interval(drawn) if len(drawn) else None
    return Escalation(
        *pair,
        int(n),
        n / len(columns),
        quality / n,
        other / n,
        spent / n,
        factor,
        ends,
        None if factor is None else factor * spent / n,
    )
