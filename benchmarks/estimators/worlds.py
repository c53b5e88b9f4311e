"""Worlds whose values are known: who logged, what models are worth, whom to value.

A world draws requests, and says of each what every model is expected to come to. The truth is the
mean of that over a million requests of its own, so that it has no noise of outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from routelab.estimators import LoggedDecisions, Outcome, TargetDecisions

TRUTH_ROWS = 1_000_000
Draws = dict[str, Any]


@dataclass(frozen=True)
class World:
    """One world.

    Attributes:
        draw: requests with what is needed of them; see `_requests`.
        outcome: that is valued.
        cascade: requests go through calls, and not through one.
        broken: what is wrong with it, so that estimators must fail or refuse.
    """

    draw: Callable[[np.random.Generator, int], Draws]
    outcome: str = "quality"
    cascade: bool = False
    broken: str = ""


def _requests(rng: np.random.Generator, n: int, m: int) -> Draws:
    """Requests of five tasks with a number x, and models that are right the more the larger."""
    task, x = rng.integers(0, 5, n), rng.random(n)
    rank = np.arange(m) / max(m - 1, 1)
    chance = 0.25 + 0.5 * rank[None, :] + 0.2 * (task[:, None] == 1) - 0.3 * x[:, None]
    return {
        "task": task, "x": x, "right": np.clip(chance, 0.02, 0.98),
        "cost": 0.001 * 8.0 ** rank[None, :] * np.exp(0.5 * x[:, None]),
    }  # fmt: skip


def _epsilon(usual: np.ndarray, m: int, epsilon: float) -> np.ndarray:
    return epsilon / m + (1 - epsilon) * (usual[:, None] == np.arange(m)[None, :])


def _explored(rng: np.random.Generator, n: int, m: int = 2, epsilon: float = 0.2) -> Draws:
    made = _requests(rng, n, m)
    made["logging"] = _epsilon(np.zeros(n, dtype=int), m, epsilon)
    made["target"] = np.where((made["task"] == 1) | (made["x"] < 0.3), 0, m - 1)
    return made


def _softmax(rng: np.random.Generator, n: int) -> Draws:
    made = _requests(rng, n, 4)
    liking = np.exp(2.0 * np.sin(3 * made["x"][:, None] + np.arange(4)[None, :]))
    made["logging"] = liking / liking.sum(axis=1, keepdims=True)
    made["target"] = np.minimum((made["x"] * 4).astype(int), 3)
    return made


def _random_target(rng: np.random.Generator, n: int) -> Draws:
    made = _softmax(rng, n)
    liking = np.exp(-1.5 * np.sin(3 * made["x"][:, None] + np.arange(4)[None, :]))
    made["target"] = liking / liking.sum(axis=1, keepdims=True)
    return made


def _misspecified(rng: np.random.Generator, n: int) -> Draws:
    """Logging and outcomes bend with x in a way that no line and no mean by task follows."""
    made = _requests(rng, n, 3)
    wave = 0.4 * np.sin(9 * made["x"][:, None] + 2 * np.arange(3)[None, :])
    made["right"] = np.clip(0.5 + wave, 0.02, 0.98)
    liking = np.exp(4.0 * wave)
    made["logging"] = 0.05 + 0.85 * liking / liking.sum(axis=1, keepdims=True)
    made["target"] = np.full(n, 2)
    return made


def _sessions(rng: np.random.Generator, n: int) -> Draws:
    """Sessions of 1 to 20 requests, alike in what they ask and in who is right."""
    sizes = rng.integers(1, 21, n)
    group = np.repeat(np.arange(n), sizes)[:n]
    made = _explored(rng, n, 3, 0.3)
    own = rng.random(n)
    made["x"] = np.clip(0.8 * own[group] + 0.2 * made["x"], 0, 1)
    task = rng.integers(0, 5, n)
    made["task"] = task[group]
    rank = np.arange(3) / 2
    made["right"] = np.clip(0.3 + 0.5 * rank[None, :] - 0.3 * made["x"][:, None], 0.02, 0.98)
    made["mood"] = rng.random(n)[group]
    made["target"] = np.where(made["x"] < 0.5, 0, 2)
    made["group"] = group
    return made


def _drift(rng: np.random.Generator, n: int) -> Draws:
    """Models get worse, and the logging policy changes its mind half-way."""
    made = _explored(rng, n, 3, 0.3)
    time = np.linspace(0, 1, n)
    made["right"] = np.clip(made["right"] - 0.3 * time[:, None], 0.02, 0.98)
    made["logging"] = _epsilon((time > 0.5).astype(int) * 2, 3, 0.3)
    made["target"] = np.full(n, 1)
    return made


def _no_support(rng: np.random.Generator, n: int) -> Draws:
    """The large model is never tried where x is large, and there it is at its worst."""
    made = _explored(rng, n, 2, 0.3)
    never = made["x"] > 0.7
    made["logging"] = np.where(never[:, None], np.array([[1.0, 0.0]]), made["logging"])
    made["target"] = np.full(n, 1)
    return made


def _wrong_propensities(rng: np.random.Generator, n: int) -> Draws:
    """Explored calls are logged with twice the probability that they had."""
    made = _explored(rng, n, 2, 0.2)
    made["said"] = np.where(made["logging"] < 0.5, 2 * made["logging"], made["logging"])
    return made


def _cascade(
    rng: np.random.Generator,
    n: int,
    m: int,
    *,
    first: bool = False,
    on: tuple[float, float] = (0.7, 0.3),
) -> Draws:
    """Calls from the smallest model up; the log goes on by chance, more likely where unsure."""
    made = _requests(rng, n, m)
    made["correct"] = rng.random((n, m)) < made["right"]
    made["sure"] = np.clip(0.35 + 0.3 * made["correct"] + 0.2 * rng.normal(size=(n, m)), 0, 1)
    made["going_on"] = np.where(made["sure"] < 0.5, *on)
    made["at"] = 0.5
    made["opening"] = np.full((n, m), 0.0)
    made["opening"][:, 0] = 1.0
    if first:
        made["opening"] = _epsilon(np.zeros(n, dtype=int), m, 0.3)
    return made


WORLDS: dict[str, World] = {
    "two models": World(lambda rng, n: _explored(rng, n, 2, 0.2)),
    "eight models": World(lambda rng, n: _explored(rng, n, 8, 0.4)),
    "softmax log": World(_softmax),
    "random target": World(_random_target),
    "misspecified": World(_misspecified),
    "sessions": World(_sessions),
    "drift": World(_drift),
    "heavy costs": World(lambda rng, n: _explored(rng, n, 2, 0.3), "cost_usd"),
    "cascade of 2": World(lambda rng, n: _cascade(rng, n, 2), cascade=True),
    "cascade of 3": World(lambda rng, n: _cascade(rng, n, 3), cascade=True),
    "cascade, costs": World(lambda rng, n: _cascade(rng, n, 3), "cost_usd", cascade=True),
    "cascade, audited": World(lambda rng, n: _cascade(rng, n, 3, on=(0.95, 0.9)), cascade=True),
    "first explored": World(lambda rng, n: _cascade(rng, n, 3, first=True), cascade=True),
    "no support": World(_no_support, broken="no support"),
    "wrong propensities": World(_wrong_propensities, broken="wrong propensities"),
}


def logged(name: str, n: int, seed: int) -> tuple[LoggedDecisions, TargetDecisions]:
    """A log of n requests of a world, and the decisions of the policy to be valued."""
    world = WORLDS[name]
    rng = np.random.default_rng([sorted(WORLDS).index(name), seed, n])
    made = world.draw(rng, n)
    return _paths(rng, made) if world.cascade else _choices(rng, made)


@cache
def truth(name: str) -> float:
    """The value of the policy, over a million requests."""
    world = WORLDS[name]
    rng = np.random.default_rng(20_261_130)
    made = world.draw(rng, TRUTH_ROWS)
    expected = made["right"] if world.outcome == "quality" else made["cost"] * np.exp(0.5 * SPREAD)
    if world.cascade:
        return _truth_of_paths(made, world.outcome)
    target = made["target"]
    if target.ndim == 2:
        return float((target * expected).sum(axis=1).mean())
    return float(expected[np.arange(TRUTH_ROWS), target].mean())


SPREAD = 1.5
"""Variance of the logarithm of a cost around its mean."""


def _noisy(rng: np.random.Generator, cost: np.ndarray) -> np.ndarray:
    return cost * np.exp(rng.normal(0.0, np.sqrt(SPREAD), cost.shape))


def _choices(rng: np.random.Generator, made: Draws) -> tuple[LoggedDecisions, TargetDecisions]:
    n, m = made["logging"].shape
    rows = np.arange(n)
    model = (rng.random(n)[:, None] > np.cumsum(made["logging"], axis=1)).sum(axis=1)
    model = np.minimum(model, m - 1)
    luck = made["mood"] if "mood" in made else rng.random(n)
    log = LoggedDecisions.of_choices(
        tuple("abcdefgh"[:m]),
        model,
        made.get("said", made["logging"])[rows, model],
        (luck < made["right"][rows, model]).astype(float),
        cost_usd=_noisy(rng, made["cost"][rows, model]),
        groups=made.get("group"),
        task=made["task"],
        features=made["x"][:, None],
    )
    return log, TargetDecisions(made["target"])


def _paths(rng: np.random.Generator, made: Draws) -> tuple[LoggedDecisions, TargetDecisions]:
    """A log of cascades, and one that goes on where its answer is less sure than a threshold."""
    n, m = made["right"].shape
    cost = _noisy(rng, made["cost"])
    first = (rng.random(n)[:, None] > np.cumsum(made["opening"], axis=1)).sum(axis=1)
    first = np.minimum(first, m - 1)
    chance = {"call": made["opening"][np.arange(n), first]}
    calls = [(np.arange(n), first, chance["call"])]
    ended = np.ones(n)
    here, model = np.arange(n), first
    while len(here):
        can = model < m - 1
        going = made["going_on"][here, model]
        on = can & (rng.random(len(here)) < going)
        ended[here[~on]] = np.where(can, 1 - going, 1.0)[~on]
        here, model = here[on], model[on] + 1
        calls.append((here, model, going[on]))
    request, column, p = (np.concatenate(it) for it in zip(*calls, strict=True))
    order = np.argsort(request, kind="stable")
    request, column, p = request[order], column[order], p[order]
    starts = np.flatnonzero(np.diff(request, prepend=-1))
    ends = np.append(starts[1:], len(request)) - 1
    paid = np.cumsum(cost[request, column])
    paid -= np.repeat((paid - cost[request, column])[starts], np.diff([*starts, len(request)]))
    right = made["correct"][request, column].astype(float)
    sure = made["sure"][request, column]
    log = LoggedDecisions(
        tuple("abcdefgh"[:m]), request, column, p,
        {"quality": Outcome(right, right[ends]),
         "cost_usd": Outcome(paid, paid[ends], of_answer=False, high=np.inf)},
        ended=ended, task=made["task"], features=made["x"][:, None], seen=sure[:, None],
    )  # fmt: skip
    on = (sure < made["at"]) & (column < m - 1)
    after = np.zeros((len(request), m))
    after[np.flatnonzero(on), column[on] + 1] = 1.0
    return log, TargetDecisions(np.zeros(n, dtype=int), after, (~on).astype(float))


def _truth_of_paths(made: Draws, outcome: str) -> float:
    n, m = made["right"].shape
    waiting, total = np.ones(n, dtype=bool), 0.0
    for model in range(m):
        if outcome == "cost_usd":
            total += float(made["cost"][waiting, model].sum()) * np.exp(0.5 * SPREAD)
        on = waiting & (made["sure"][:, model] < made["at"]) & (model < m - 1)
        if outcome == "quality":
            total += float(made["correct"][waiting & ~on, model].sum())
        waiting = on
    return total / n
