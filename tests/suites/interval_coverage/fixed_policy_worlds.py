"""Worlds of known truth that look like production: rare, heavy, clustered and shocked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from coverage_world import Draw

from routelab.core.table import Floats, Ints
from routelab.logs.model import Strings

_PRICES = np.array([1e-3, 1e-2])


class Drawn(NamedTuple):
    """Requests in the order of time, and what comes together."""

    outcomes: Draw
    groups: Ints
    task: Strings | None = None


class World(NamedTuple):
    """How requests are drawn.

    Attributes:
        draw: n requests.
        timed: whether requests have timestamps.
        mean: requests of the same means whose costs have no tail, where no sample is large enough
            to tell the truth; None where one is.
        test_half: whether what a study tests comes from the later half of what is drawn.
    """

    draw: Callable[[int, np.random.Generator], Drawn]
    timed: bool = False
    mean: Callable[[int, np.random.Generator], Drawn] | None = None
    test_half: bool = False

    def large(self, n: int, seed: int) -> Drawn:
        """Requests whose means are the truth."""
        return (self.mean or self.draw)(n, np.random.default_rng(seed))


def _outcomes(
    rng: np.random.Generator,
    difficulty: Floats,
    *,
    shift: Floats | float = 0.0,
    factor: Floats | float = 1.0,
    worthless: bool = False,
    failures: float | None = None,
) -> Draw:
    """As the world of two models, moved by a shift of quality and a factor of cost."""
    n = len(difficulty)
    chance = np.column_stack([0.97 - 0.6 * difficulty**2, 0.97 - 0.15 * difficulty])
    if failures is not None:
        chance = 1.0 - failures * np.column_stack([2.0 * difficulty**3, np.full(n, 0.25)])
    luck = rng.random((n, 2))
    luck[:, 1] = np.where(rng.random(n) < 0.9, luck[:, 0], luck[:, 1])
    moved = np.broadcast_to(shift, (n,))[:, None]
    quality = (luck < chance + moved).astype(np.float64)
    cost = _PRICES * rng.uniform(0.8, 1.2, (n, 2)) * np.broadcast_to(factor, (n,))[:, None]
    about = rng.random(n) if worthless else difficulty
    return Draw(quality, cost, 1.0 - about + rng.normal(0.0, 0.15, n))


def _alone(draw: Callable[[int, np.random.Generator], Draw]) -> World:
    return World(lambda n, rng: Drawn(draw(n, rng), np.arange(n)))


def _useful(n: int, rng: np.random.Generator) -> Draw:
    return _outcomes(rng, rng.random(n))


def _worthless(n: int, rng: np.random.Generator) -> Draw:
    return _outcomes(rng, rng.random(n), worthless=True)


def _graded(n: int, rng: np.random.Generator) -> Draw:
    difficulty = rng.random(n)
    it = _outcomes(rng, difficulty)
    centre = np.column_stack([0.9 - 0.5 * difficulty**2, 0.9 - 0.15 * difficulty])
    return it._replace(quality=rng.beta(8.0 * centre, 8.0 * (1.0 - centre)))


def _lognormal(n: int, rng: np.random.Generator) -> Draw:
    return _outcomes(rng, rng.random(n), factor=rng.lognormal(-2.0, 2.0, n))


def _spiky(n: int, rng: np.random.Generator) -> Draw:
    factor = np.where(rng.random(n) < 0.003, 333.3, 1.0) / (1.0 + 0.003 * 332.3)
    return _outcomes(rng, rng.random(n), factor=factor)


def _rare(n: int, rng: np.random.Generator) -> Draw:
    return _outcomes(rng, rng.random(n), failures=0.016)


def _sizes(n: int, rng: np.random.Generator) -> Ints:
    """(n,) group of each request, in conversations of 1 to 40 turns."""
    return np.repeat(np.arange(n), rng.integers(1, 41, n))[:n]


def _conversations(n: int, rng: np.random.Generator, failures: float | None = None) -> Drawn:
    groups = _sizes(n, rng)
    topic = rng.random(groups[-1] + 1)[groups]
    shift = 0.0 if failures else rng.normal(0.0, 0.1, groups[-1] + 1)[groups]
    difficulty = np.clip(topic + rng.normal(0.0, 0.1, n), 0.0, 1.0)
    return Drawn(_outcomes(rng, difficulty, shift=shift, failures=failures), groups)


def _hours(n: int, rng: np.random.Generator) -> Drawn:
    """Hours of 20 requests, each with a shock of its own to quality and cost."""
    hour = np.arange(n) // 20
    shift = rng.normal(0.0, 0.15, hour[-1] + 1)[hour]
    factor = rng.lognormal(-0.125, 0.5, hour[-1] + 1)[hour]
    return Drawn(_outcomes(rng, rng.random(n), shift=shift, factor=factor), np.arange(n))


def _prompts(n: int, rng: np.random.Generator) -> Drawn:
    """Popular prompts: drawn from 2,000 by Zipf, each with a difficulty of its own."""
    weight = 1.0 / np.arange(1, 2001)
    prompt = rng.choice(2000, n, p=weight / weight.sum())
    difficulty = np.random.default_rng(5).random(2000)[prompt]
    return Drawn(_outcomes(rng, difficulty), prompt)


def _users(n: int, rng: np.random.Generator) -> Drawn:
    """Users who come back, of unequal use: one in twelve requests is a new user's."""
    count = max(20, n // 12)
    weight = np.random.default_rng(n).lognormal(0.0, 0.7, count)
    user = rng.choice(count, n, p=weight / weight.sum())
    taste = rng.normal(0.0, 0.1, count)[user]
    difficulty = np.clip(rng.random(count)[user] + rng.normal(0.0, 0.2, n), 0.0, 1.0)
    return Drawn(_outcomes(rng, difficulty, shift=taste), user)


def _line(n: int, rng: np.random.Generator) -> Draw:
    """Eight models whose qualities rise with their costs on one straight line."""
    steps = np.arange(8)
    skill = rng.random((n, 1))
    quality = (skill + 0.3 * rng.standard_normal((n, 8)) < 0.3 + 0.07 * steps).astype(float)
    cost = 1e-3 * (1.0 + steps) * rng.uniform(0.8, 1.2, (n, 8))
    return Draw(quality, cost, 1.0 - skill[:, 0] + rng.normal(0.0, 0.25, n))


def _dominated(n: int, rng: np.random.Generator) -> Draw:
    """Between the two models a third, dearer than the weak one and worse."""
    it = _outcomes(rng, rng.random(n))
    worse = it.quality[:, 0] * (rng.random(n) < 0.9)
    quality = np.column_stack([it.quality[:, 0], worse, it.quality[:, 1]])
    between = 5e-3 * rng.uniform(0.8, 1.2, n)
    return Draw(
        quality, np.column_stack([it.cost_usd[:, 0], between, it.cost_usd[:, 1]]), it.confidence
    )


def _by_task(n: int, rng: np.random.Generator) -> Drawn:
    """Two tasks: the weak model is as good as the strong one on the first, and bad at the other."""
    hard = rng.random(n) < 0.5
    it = _outcomes(rng, np.where(hard, 0.5 + 0.5 * rng.random(n), 0.2 * rng.random(n)))
    return Drawn(it, np.arange(n), np.where(hard, "hard", "easy").astype(object))


def _drift(n: int, rng: np.random.Generator) -> Drawn:
    """Requests get harder in the second half of the log."""
    difficulty = np.where(np.arange(n) < n // 2, 0.7 * rng.random(n), 0.3 + 0.7 * rng.random(n))
    return Drawn(_outcomes(rng, difficulty), np.arange(n))


WORLDS: dict[str, World] = {
    "useful": _alone(_useful),
    "worthless": _alone(_worthless),
    "graded": _alone(_graded),
    "log-normal sigma 2": World(_alone(_lognormal).draw, mean=_alone(_useful).draw),
    "spiky": World(_alone(_spiky).draw, mean=_alone(_useful).draw),
    "conversations": World(_conversations),
    "rare failures": _alone(_rare),
    "both": World(lambda n, rng: _conversations(n, rng, 0.016)),
    "hourly shocks": World(_hours, timed=True),
    "popular prompts": World(_prompts),
    "returning users": World(_users, timed=True),
    "models on a line": _alone(_line),
    "dominated model": _alone(_dominated),
    "task-learnable": World(_by_task),
    "drift": World(_drift, timed=True, test_half=True),
}
"""By name."""
