"""What anybody could do without tuning, request by request: every figure stands beside these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.logs.model import Log
from routelab.metrics import oracle
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.result import Replay


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


def weak_and_strong(fixed: list[Replay]) -> tuple[int, int]:
    """The cheapest candidate, and the best (the cheaper of equals)."""
    cost = [float(replay.cost_usd.mean()) for replay in fixed]
    quality = [float(replay.quality.mean()) for replay in fixed]
    columns = range(len(fixed))
    return min(columns, key=cost.__getitem__), max(columns, key=lambda i: (quality[i], -cost[i]))


def random_mix(fixed: list[Replay], cost_usd: float) -> BaselineOutcome:
    """Cheapest and best model at random, mixed to spend `cost_usd` a request."""
    weak, strong = (outcome(fixed[i]) for i in weak_and_strong(fixed))
    low, high = weak.cost_usd.mean(), strong.cost_usd.mean()
    share = (cost_usd - low) / (high - low) if high > low else 0.0
    return weak.mixed(strong, float(np.clip(share, 0.0, 1.0)))


def prompt_length(
    comparison: ComparisonSet, fixed: list[Replay], cost_usd: float
) -> BaselineOutcome | None:
    """The longest prompts go to the best model, the rest to the cheapest.

    As many go as spend `cost_usd` a request; one request may be split to meet it. None
    for a log without prompts.
    """
    if comparison.log.texts is None:
        return None
    weak, strong = (outcome(fixed[i]) for i in weak_and_strong(fixed))
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
    """The model with the best mean quality minus lambda times cost on the request's task.

    Means are learned on the train part, a new task takes the overall means, and the two
    lambdas that spend just less and just more than `cost_usd` are mixed. None without
    tasks or a train part.
    """
    if comparison.reference is None or comparison.log.requests.task is None:
        return None
    quality, cost = _task_tables(comparison.reference, comparison.log)
    quality_of = np.column_stack([replay.quality for replay in fixed])
    cost_of = np.column_stack([replay.cost_usd for replay in fixed])
    rows = np.arange(len(cost_of))
    below = above = None
    for price in _prices(quality, cost):
        chosen = np.argmax(quality - price * cost, axis=1)
        above = BaselineOutcome(quality_of[rows, chosen], cost_of[rows, chosen])
        if above.cost_usd.mean() > cost_usd:
            break
        below = above
    if above is None or below is None:
        return above
    low, high = below.cost_usd.mean(), above.cost_usd.mean()
    return below.mixed(above, float((cost_usd - low) / (high - low)) if high > low else 0.0)


def _prices(quality: Floats, cost: Floats) -> Floats:
    """Lambdas from so high that only cost counts down to zero."""
    spread = float(np.ptp(quality)) or 1.0
    step = float(np.min(np.diff(np.unique(cost)), initial=np.inf))
    top = 2.0 * spread / step if np.isfinite(step) else 1.0
    return np.append(np.geomspace(top, top * 1e-9, 120), 0.0)


def _task_tables(reference: Log, log: Log) -> tuple[Floats, Floats]:
    """(n, m) mean quality and cost of each model on each request's task in the reference."""
    assert reference.requests.task is not None
    assert log.requests.task is not None
    names, code = np.unique(reference.requests.task.astype(str), return_inverse=True)
    count = np.bincount(code)
    position = np.searchsorted(names, log.requests.task.astype(str))
    position[position == len(names)] = 0
    known = names[position] == log.requests.task.astype(str)

    def table(values: Floats) -> Floats:
        sums = [np.bincount(code, weights=column) / count for column in values.T]
        means = np.column_stack(sums)[position]
        return np.where(known[:, None], means, values.mean(axis=0))

    return table(reference.quality), table(reference.cost_usd)
