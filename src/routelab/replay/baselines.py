"""What anybody could do without tuning, request by request: every figure stands beside these."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.logs.model import Log
from routelab.metrics import exact_mean, oracle, random_mix_of
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.result import Replay

PRICES = 120
"""Lambdas over nine decades."""

ROUNDING, NOTHING = 1e-15, 1e-4
"""Of the range of costs, what is rounding; of that of qualities, what is next to nothing."""


class BaselineOutcome(NamedTuple):
    """Expected quality and cost of a baseline on every request.

    Attributes:
        quality: (n,) in [0, 1].
        cost_usd: (n,).
    """

    quality: Floats
    cost_usd: Floats

    def mixed(self, other: BaselineOutcome, share: Floats | float) -> BaselineOutcome:
        """This with probability 1 - share, the other with probability share (scalar or (n,))."""
        return BaselineOutcome(
            self.quality + share * (other.quality - self.quality),
            self.cost_usd + share * (other.cost_usd - self.cost_usd),
        )


def outcome(replay: Replay) -> BaselineOutcome:
    """A policy's own outcome."""
    return BaselineOutcome(replay.quality, replay.cost_usd)


def best_per_request(fixed: list[Replay]) -> BaselineOutcome:
    """The oracle: the cheapest of the best models of each request that may serve it.

    Args:
        fixed: what the candidates do; one that is ruled out does what another one does, so
            nothing is chosen that cannot be run.
    Source: RouterBench, arXiv 2403.12031.
    """
    quality = np.column_stack([replay.quality for replay in fixed])
    cost = np.column_stack([replay.cost_usd for replay in fixed])
    chosen = oracle(quality, cost)
    rows = np.arange(len(chosen))
    return BaselineOutcome(quality[rows, chosen], cost[rows, chosen])


def random_mix(fixed: list[Replay], cost_usd: float) -> BaselineOutcome:
    """Cheapest and best model at random, mixed to spend `cost_usd` a request."""
    weak, strong, share = _mix(fixed, cost_usd)
    return weak.mixed(strong, share)


def _mix(fixed: list[Replay], cost_usd: float) -> tuple[BaselineOutcome, BaselineOutcome, float]:
    """The cheapest and the best model, and the share of the best that spends this much."""
    cost = [exact_mean(it.cost_usd) for it in fixed]
    quality = [exact_mean(it.quality) for it in fixed]
    at = random_mix_of(cost, quality, cost_usd)
    return outcome(fixed[at.weak]), outcome(fixed[at.strong]), at.share


def prompt_length(
    comparison: ComparisonSet, fixed: list[Replay], cost_usd: float
) -> BaselineOutcome | None:
    """The longest prompts go to the best model, the rest to the cheapest.

    As many go as spend `cost_usd` a request; one request may be split to meet it. None
    for a log without prompts.
    """
    if comparison.log.texts is None:
        return None
    weak, strong, _ = _mix(fixed, cost_usd)
    order = np.argsort(-comparison.log.prompt_keys[1], kind="stable")
    return weak.mixed(strong, _share(order, weak, strong, cost_usd))


def _share(order: Ints, weak: BaselineOutcome, strong: BaselineOutcome, cost_usd: float) -> Floats:
    """(n,) share of each request for the strong model, filled in this order."""
    extra = np.cumsum((strong.cost_usd - weak.cost_usd)[order])
    room = cost_usd * len(order) - weak.cost_usd.sum()
    if room <= 0:
        return np.zeros(len(order))
    over = np.flatnonzero(extra > room)
    count = int(over[0]) if len(over) else len(order)
    share = np.zeros(len(order))
    share[order[:count]] = 1.0
    if count < len(order):
        before = extra[count - 1] if count else 0.0
        share[order[count]] = np.clip((room - before) / (extra[count] - before), 0.0, 1.0)
    return share


def task_mean(
    comparison: ComparisonSet, fixed: list[Replay], cost_usd: float
) -> BaselineOutcome | None:
    """The model with the best mean quality minus lambda times mean cost on the request's task.

    Means are learned on the train part, a new task takes the overall means, and the two
    lambdas that spend just less and just more than `cost_usd` are mixed. None without
    tasks or a train part.
    """
    if comparison.reference is None or comparison.log.requests.task is None:
        return None
    quality, cost, code = _task_means(comparison.reference, comparison.log)
    quality_of = np.column_stack([replay.quality for replay in fixed])
    cost_of = np.column_stack([replay.cost_usd for replay in fixed])
    rows, tasks = np.arange(len(code)), np.arange(len(cost))
    spent = np.column_stack(
        [np.bincount(code, column, minlength=len(cost)) for column in cost_of.T]
    ) / len(code)
    below: Ints | None = None
    above = below
    for price in _prices(quality, cost):
        above = np.argmax(quality - price * cost, axis=1)
        if spent[tasks, above].sum() > cost_usd:
            break
        below = above
    assert above is not None
    low, high = (
        BaselineOutcome(quality_of[rows, chosen[code]], cost_of[rows, chosen[code]])
        for chosen in (above if below is None else below, above)
    )
    least, most = low.cost_usd.mean(), high.cost_usd.mean()
    share = (cost_usd - least) / (most - least) if below is not None and most > least else 0.0
    return low.mixed(high, float(np.clip(share, 0.0, 1.0)))


def _prices(quality: Floats, cost: Floats) -> Floats:
    """Lambdas from so high that only cost counts, each 16 % below the last, down to zero.

    The least difference of two costs, which tells where only cost counts, may be the noise of
    rounding or of many tasks. So the lambdas end where the whole range of costs is worth next to
    nothing, however far that is.
    """
    spread = float(np.ptp(quality)) or 1.0
    range_usd = float(np.ptp(cost))
    if not range_usd:
        return np.zeros(1)
    step = max(float(np.min(np.diff(np.unique(cost)))), ROUNDING * range_usd)
    top = 2.0 * spread / step
    most = NOTHING * spread / range_usd
    ratio = 1e-9 ** (1 / (PRICES - 1))
    further = max(0, math.ceil(math.log(most / (top * 1e-9)) / math.log(ratio)))
    lower = top * 1e-9 * ratio ** np.arange(1, further + 1)
    return np.concatenate([np.geomspace(top, top * 1e-9, PRICES), lower, [0.0]])


def _task_means(reference: Log, log: Log) -> tuple[Floats, Floats, Ints]:
    """(k, m) mean quality and cost of each model on each task of the reference, all of it last.

    And (n,) which row of them a request reads.
    """
    assert reference.requests.task is not None
    assert log.requests.task is not None
    names, code = np.unique(reference.requests.task.astype(str), return_inverse=True)
    count = np.bincount(code)
    asked = log.requests.task.astype(str)
    position = np.searchsorted(names, asked)
    position[position == len(names)] = 0
    position = np.where(names[position] == asked, position, len(names))
    there, inverse = np.unique(position, return_inverse=True)

    def table(values: Floats) -> Floats:
        sums = [np.bincount(code, weights=column) / count for column in values.T]
        return np.vstack([np.column_stack(sums), values.mean(axis=0)])[there]

    return table(reference.quality), table(reference.cost_usd), inverse
