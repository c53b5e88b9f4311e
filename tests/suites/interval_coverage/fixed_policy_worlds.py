"""Worlds of known truth that look like production: rare, heavy, clustered and shocked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from coverage_world import Draw

from routelab.core.table import Floats, Ints

_PRICES = np.array([1e-3, 1e-2])


class Drawn(NamedTuple):
    """Requests in the order of time, and what comes together."""

    outcomes: Draw
    groups: Ints


class World(NamedTuple):
    """How requests are drawn, and their mean costs where these are known exactly.

    Attributes:
        draw: n requests.
        exact_costs: mean USD of each model.
        timed: whether requests have timestamps.
    """

    draw: Callable[[int, np.random.Generator], Drawn]
    exact_costs: tuple[float, ...] | None = None
    timed: bool = False

    def mean_cost(self, spent: Floats, kept: Floats | None) -> float:
        """Mean of what was spent; by parts where the tail is too heavy for a sample to tell."""
        if self.exact_costs is None:
            return float(spent.mean())
        if kept is None:
            return self.exact_costs[-1]
        return self.exact_costs[0] + float(1.0 - kept.mean()) * self.exact_costs[-1]


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


WORLDS: dict[str, World] = {
    "useful": _alone(_useful),
    "worthless": _alone(_worthless),
    "graded": _alone(_graded),
    "log-normal sigma 2": World(_alone(_lognormal).draw, (1e-3, 1e-2)),
    "spiky": World(_alone(_spiky).draw, (1e-3, 1e-2)),
    "conversations": World(_conversations),
    "rare failures": _alone(_rare),
    "both": World(lambda n, rng: _conversations(n, rng, 0.016)),
    "hourly shocks": World(_hours, timed=True),
    "popular prompts": World(_prompts),
    "returning users": World(_users),
}
"""By name; fixed policies only. Models on a line are in `tests/replay`."""
