"""The 95 % intervals of a policy's figures; `routelab.stats` decides how each is made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import structs

from routelab.core import Floats
from routelab.metrics import zero_router_at
from routelab.replay.coverage import NOTHING, RestOfLog
from routelab.replay.equal_cost import chord
from routelab.replay.measure import Measure
from routelab.stats import (
    RARE,
    Interval,
    IntervalMethod,
    MethodInterval,
    Unseen,
    figure_interval,
    joint_widening,
    moved_out,
)

SELDOM = 0.25
"""Weight of an unseen cost where two figures pay for the same request: it raises both, and only
what it raises one of them more than the other moves their difference. Measured."""

_ROUNDING = 1e-12
"""Difference of two means of a group up to which they are called equal."""

_AREAS, _STEPS = 1000, 41
"""Resamples and costs behind the interval of an area under a hull."""

_PAIRS = 6
"""Pairs of models whose intervals are made in full: those with the lowest ends."""


class DearRequest(NamedTuple):
    """A request that the rows at hand lack and the log has; see `CostRange`."""

    least: float
    most: float
    weight: float


class CostRange(NamedTuple):
    """What the requests of each group (G,) would have cost with the candidates alone.

    Attributes:
        least, most: (G,) USD.
        beyond: how much more than the dearest that was seen another request may cost, a factor.
        requests: of the whole log; None where nothing is said of what it does not show.
        dear: of requests elsewhere in the log that are dearer than every group here, what one costs
            with the cheapest and the dearest candidate, USD, and how many of them a part of this
            size has on average, 1 at most; None where there are none.
    """

    least: Floats
    most: Floats
    beyond: float
    requests: int | None = None
    dear: DearRequest | None = None

    def place(self, it: Measure) -> float:
        """Where a policy's cost lies between those of the cheapest and the dearest candidate."""
        total, least, most = (
            float(costs.sum()) for costs in (it.sums.cost_usd, self.least, self.most)
        )
        return min(1.0, max(0.0, (total - least) / (most - least))) if most > least else 1.0

    def around(self, it: Measure) -> tuple[Floats, Floats]:
        """(G,) the least and the most that each group could have cost with a policy.

        Rows are sent elsewhere one by one, so of a group's rows about as many as chance moves.

        Args:
            it: what the policy costs.
        """
        mine, spread = it.sums.cost_usd, np.sqrt(np.maximum(it.sums.sizes, 1.0))
        less = np.maximum(mine - self.least, 0.0) / spread
        return mine - less, mine + np.maximum(self.most - mine, 0.0) / spread


def cost_range(
    models: Sequence[Measure], n_requests: int | None = None, rest: RestOfLog = NOTHING
) -> CostRange:
    """What a group could have cost: a policy sends each to one model or more.

    A tail like that of the dearest costs goes on beyond the dearest one, by a factor whose mean
    logarithm is Hill's estimate of its index; from an index of 1 on no mean would be finite.

    Args:
        models: the candidates alone.
        n_requests: that were measured; None where nothing is said of what a log does not show.
        rest: of the log.
    Source: Hill 1975, "A simple general approach to inference about the tail of a distribution".
    """
    costs = np.stack([it.sums.cost_usd for it in models])
    most = costs.max(axis=0)
    kept = max(2, math.isqrt(len(most)))
    largest = np.partition(most, -min(kept, len(most)))[-kept:]
    least = float(largest.min())
    index = float(np.log(largest / least).mean()) if least > 0 else 0.0
    found = CostRange(costs.min(axis=0), most, math.exp(min(1.0, index)))
    if n_requests is None:
        return found
    known, dearer = n_requests + rest.requests, rest.most > float(most.max())
    if not dearer.any():
        return found._replace(requests=known)
    expected = float(dearer.sum()) * n_requests / rest.requests
    least_usd, most_usd = float(rest.least[dearer].mean()), float(rest.most[dearer].mean())
    return found._replace(requests=known, dear=DearRequest(least_usd, most_usd, min(1.0, expected)))


def quality(it: Measure) -> MethodInterval:
    """Of the mean quality, in [0, 1]."""
    sums = it.sums
    rows = _rare_rows(sums.quality, sums.sizes, it.quality, 0.0, 1.0)
    return figure_interval(
        it.quality,
        it.qualities,
        sums.quality,
        sums.sizes,
        unseen=[rows],
        even=sums.even,
        low=0.0,
        high=1.0,
    )


def cost(it: Measure, among: CostRange, *, alone: bool = False) -> MethodInterval:
    """Of the mean cost, in USD per 1,000 requests.

    Args:
        among: what its requests could have cost.
        alone: it is one of the candidates, so that they could have cost nothing else.
    """
    sums = it.sums
    range_, usual = cost_range([it]) if alone else among, it.cost_usd * sums.sizes
    off, dear = sums.cost_usd - usual, range_.around(it)[1] - usual
    most = max(range_.beyond * float(off.max()), float(dear.max()))
    unseen = [Unseen(1000 * min(0.0, float(off.min())), 1000 * most)]
    if (one := among.dear) is not None:
        usd = one.least + among.place(it) * (one.most - one.least) if alone else one.most
        unseen.append(Unseen(0.0, 1000 * max(0.0, usd - it.cost_usd), one.weight))
    return figure_interval(
        1000 * it.cost_usd,
        1000 * it.costs_usd,
        1000 * sums.cost_usd,
        sums.sizes,
        unseen=unseen,
        requests=among.requests,
        even=sums.even,
        low=0.0,
    )


def quality_difference(one: Measure, other: Measure) -> MethodInterval:
    """Of the quality of one minus that of the other.

    Args:
        other: whatever it costs, even where its share is chosen by cost.
    """
    value = one.quality - other.quality
    samples = one.qualities - other.qualities
    sums = one.sums.quality - other.sums.quality
    rows = _rare_rows(sums, one.sums.sizes, value, -1.0, 1.0)
    sizes, even = one.sums.sizes, one.sums.even
    found = figure_interval(
        value, samples, sums, sizes, unseen=[rows], even=even, low=-1.0, high=1.0
    )
    return found._replace(ends=Interval(value, value)) if same(one, other) else found


def equal_cost_gain(
    policy: Measure, mixture: Measure, among: CostRange, reach: float = 1.0
) -> MethodInterval:
    """Of the quality of a policy minus that of a mixture that costs as much in every resample.

    To first order a request moves it by its qualities, and by what the mixture could buy for
    what the policy pays more there.

    Args:
        mixture: as `routelab.replay.equal_cost` makes it.
        among: what requests could have cost.
        reach: how far apart the two may be on a request.
    """
    if not mixture.slope:
        return quality_difference(policy, mixture)
    value = policy.quality - mixture.quality
    samples = policy.qualities - mixture.qualities
    sums, other = policy.sums, mixture.sums
    apart = sums.quality - other.quality
    bought = mixture.slope * np.stack(
        [it - other.cost_usd for it in (sums.cost_usd, *among.around(policy))]
    )
    rows = _rare_rows(apart, sums.sizes, value, -reach, reach)
    costs = Unseen(min(0.0, float(-bought.max())), max(0.0, float(-bought.min())), SELDOM)
    return figure_interval(
        value,
        samples,
        apart - bought[0],
        sums.sizes,
        unseen=[rows, costs],
        even=sums.even,
        low=-1.0,
        high=1.0,
    )


def saving(policy: Measure, other: Measure, among: CostRange | None = None) -> MethodInterval:
    """Of what the policy costs less than the other, in USD per 1,000 requests.

    Args:
        among: what its requests could have cost; by default what either costs.
    """
    value = other.cost_usd - policy.cost_usd
    mine, theirs, sizes = policy.sums.cost_usd, other.sums.cost_usd, policy.sums.sizes
    apart = theirs - mine
    unseen = []
    if not other.slope and apart.any():
        range_ = among or cost_range([policy, other])
        off, beyond = apart - value * sizes, range_.beyond
        less, more = range_.around(policy)
        low = min(beyond * float(off.min()), float((theirs - more - value * sizes).min()))
        high = max(beyond * float(off.max()), float((theirs - less - value * sizes).max()))
        unseen = [Unseen(1000 * low, 1000 * high)]
        if (one := range_.dear) is not None:
            theirs_there = one.least + range_.place(other) * (one.most - one.least)
            low, high = theirs_there - one.most - value, theirs_there - one.least - value
            unseen.append(Unseen(1000 * min(0.0, low), 1000 * max(0.0, high), one.weight))
    return figure_interval(
        1000 * value,
        1000 * (other.costs_usd - policy.costs_usd),
        1000 * apart,
        sizes,
        even=policy.sums.even,
        unseen=unseen,
        requests=None if among is None else among.requests,
    )


def saving_share(policy: Measure, other: Measure, among: CostRange) -> Interval | None:
    """Of the same as a share of the other's cost; None where that costs nothing.

    A ratio of costs that are heavy together is not heavy itself, so it is treated as its
    linearisation, `(saved - share * cost) / mean cost`, group by group.

    Args:
        among: what requests could have cost.
    """
    if other.cost_usd <= 0 or not bool((other.costs_usd > 0).all()):
        return None
    share = 1.0 - policy.cost_usd / other.cost_usd
    mine, theirs, sizes = policy.sums.cost_usd, other.sums.cost_usd, policy.sums.sizes
    unseen = []
    if not other.slope and (theirs - mine).any():
        kept, (less, more) = (1.0 - share) * theirs, among.around(policy)
        low, high = float((kept - more).min()), float((kept - less).max())
        unseen = [Unseen(low / other.cost_usd, high / other.cost_usd, SELDOM)]
    off = ((1.0 - share) * theirs - mine) / other.cost_usd
    samples = 1.0 - policy.costs_usd / other.costs_usd
    sums, even = off + share * sizes, policy.sums.even
    return figure_interval(share, samples, sums, sizes, unseen=unseen, even=even, high=1.0).ends


def gain(
    policy: Measure, value: float, models: Sequence[Measure], among: CostRange
) -> MethodInterval:
    """Of the gain over the zero router, which is the least gain over any mixture of two models.

    So a gain is shown where it is shown over every pair (an intersection-union test): the lower
    end is the least of the pairs' lower ends, each of its own level. The upper end is the least of
    their upper ends, which hold all at once, and never closer than the lower one.

    Args:
        policy: whose gain it is.
        value: of the gain.
        models: the candidates, of which the zero router is a mixture. A policy that is one of
            them gains nothing whatever else may come, so that nothing rare is looked for.
        among: what requests could have cost.
    Source: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling".
    """
    alone = next((it for it in models if same(policy, it)), None)
    pairs = _pairs(policy, models)
    mixtures = [chord(one, other, policy) for one, other in pairs]
    samples = np.stack([policy.qualities - it.qualities for it in mixtures], axis=1)
    lows, highs = np.quantile(samples, [0.025, 0.975], axis=0)
    contend = np.flatnonzero(lows <= highs.min())
    first = contend[np.argsort(lows[contend], kind="stable")][:_PAIRS]
    if alone is not None:
        found = figure_interval(
            value,
            samples.min(axis=1),
            value * policy.sums.sizes,
            policy.sums.sizes,
            even=policy.sums.even,
        )
        least, most = float(lows.min()), float(highs.min())
        return found._replace(ends=Interval(min(value, least), max(value, most, 2 * value - least)))
    made = [
        (mixtures[at], equal_cost_gain(policy, mixtures[at], among, _reach(policy, *pairs[at])))
        for at in first
    ]
    factor = joint_widening(samples[:, contend])
    low = min(value, *(it.ends.low for _, it in made))
    high = min(
        moved_out(policy.quality - mixture.quality, it.ends, factor)[1] for mixture, it in made
    )
    ends = Interval(max(-1.0, low), min(1.0, max(value, high, 2 * value - low)))
    return min(made, key=lambda pair: pair[1].ends.low)[1]._replace(ends=ends)


def _reach(policy: Measure, one: Measure, other: Measure) -> float:
    """How far a policy and the mixture of two models as dear may be apart on a request.

    Where either model's answer was delivered throughout, it is one of the two, and the mixture is
    both in part.
    """
    mine, first, second = (it.sums.quality for it in (policy, one, other))
    least, most = np.minimum(first, second), np.maximum(first, second)
    inside = (mine >= least - _ROUNDING) & (mine <= most + _ROUNDING)
    if not inside.all() or other.cost_usd <= one.cost_usd:
        return 1.0
    share = (policy.cost_usd - one.cost_usd) / (other.cost_usd - one.cost_usd)
    return min(1.0, max(share, 1.0 - share))


def _pairs(policy: Measure, models: Sequence[Measure]) -> list[tuple[Measure, Measure]]:
    """Models on either side of a policy's cost, and those below it alone."""
    below = [it for it in models if it.cost_usd <= policy.cost_usd]
    above = [it for it in models if it.cost_usd > policy.cost_usd]
    if not below:
        cheapest = min(models, key=lambda it: (it.cost_usd, -it.quality))
        return [(cheapest, cheapest)]
    return [(it, it) for it in below] + [(one, other) for one in below for other in above]


def _rare_rows(sums: Floats, sizes: Floats, value: float, low: float, high: float) -> Unseen:
    """What may come at either end of a bounded figure.

    A group as far off as the farthest that was seen; and where few groups differ from the rest,
    so that what is rare may not have been seen at all, a row at the end of the range.

    Args:
        value: the estimate.
        low, high: the range.
    """
    off, used = sums - value * sizes, sizes > 0
    means = sums[used] / sizes[used]
    differ = int(np.count_nonzero(np.abs(means - np.median(means)) > _ROUNDING))
    least, most = min(0.0, float(off.min())), max(0.0, float(off.max()))
    if differ >= min(RARE, len(means) / 2):
        return Unseen(least, most)
    return Unseen(min(least, low - value), max(most, high - value))


def aiq(policy: Measure, models: Sequence[Measure], value: float) -> Interval | None:
    """Of the AIQ of a policy among the candidates, range and hull refitted in every resample.

    Args:
        value: of the AIQ; None is returned where it is NaN.
    """
    if math.isnan(value):
        return None
    every = [policy, *models]
    few = slice(0, _AREAS)
    costs = np.column_stack([it.costs_usd[few] for it in every])
    qualities = np.column_stack([it.qualities[few] for it in every])
    areas = _area(costs, qualities)
    here = _area(
        np.array([[it.cost_usd for it in every]]), np.array([[it.quality for it in every]])
    )
    found = figure_interval(
        value,
        value + areas - float(here[0]),
        value * policy.sums.sizes,
        policy.sums.sizes,
        even=policy.sums.even,
        low=0.0,
        high=1.0,
    )
    return found.ends


def _area(costs: Floats, qualities: Floats) -> Floats:
    """(B,) mean height of the hull between the cheapest and the dearest model, the columns after
    the first, by the trapezoidal rule."""
    low, high = costs[:, 1:].min(axis=1), costs[:, 1:].max(axis=1)
    steps = np.linspace(0.0, 1.0, _STEPS)
    heights = [zero_router_at(costs, qualities, low + step * (high - low)) for step in steps]
    return np.asarray(np.trapezoid(np.stack(heights), steps, axis=0))


def methods(policy: Measure, made: Mapping[str, MethodInterval]) -> dict[str, IntervalMethod]:
    """How these intervals of a policy were made, with the blocks of time that were resampled."""
    length = policy.sums.block
    return {
        name: it.method
        if length == 1
        else structs.replace(
            it.method,
            reason="; ".join(
                filter(
                    None, (f"neighbours in time are alike: blocks of {length}", it.method.reason)
                )
            ),
        )
        for name, it in made.items()
    }


def same(one: Measure, other: Measure) -> bool:
    """Whether both do the same in every group."""
    return all(
        np.array_equal(mine, theirs)
        for mine, theirs in (
            (one.sums.quality, other.sums.quality),
            (one.sums.cost_usd, other.sums.cost_usd),
        )
    )
