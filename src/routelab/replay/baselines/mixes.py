"""Routers that learn nothing: a coin, and the length of the prompt."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints
from routelab.logs.model import Log
from routelab.metrics import exact_mean, random_mix_of
from routelab.replay.baselines.outcome import BaselineOutcome, outcome
from routelab.replay.result import Replay


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


def prompt_length(log: Log, fixed: list[Replay], cost_usd: float) -> BaselineOutcome | None:
    """The longest prompts go to the best model, the rest to the cheapest.

    As many go as spend `cost_usd` a request; one request may be split to meet it. None
    for a log without prompts.

    Args:
        log: rows to route (n).
        fixed: replays of each candidate alone.
        cost_usd: mean USD of a request.
    """
    if log.texts is None:
        return None
    weak, strong, _ = _mix(fixed, cost_usd)
    order = np.argsort(-log.prompt_keys[1], kind="stable")
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
