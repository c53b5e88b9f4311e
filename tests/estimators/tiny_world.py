"""Worlds so small that everything a logging policy can do in them is enumerated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.estimators import LoggedDecisions, Outcome, TargetDecisions


class Path(NamedTuple):
    """Calls made on one request, each with its probability, and that of ending after them."""

    models: tuple[int, ...]
    chances: tuple[float, ...]
    ended: float


@dataclass(frozen=True)
class TinyWorld:
    """Outcomes of models (m) on requests (n), and two cascades' probabilities over paths.

    A policy is a table: by request and history of calls, the probabilities (m + 1,) of each next
    call and, last, of ending.
    """

    quality: Floats
    cost_usd: Floats
    logging: dict[tuple[int, tuple[int, ...]], Floats]
    target: dict[tuple[int, tuple[int, ...]], Floats]

    def paths(self, request: int, policy: dict[tuple[int, tuple[int, ...]], Floats]) -> list[Path]:
        """Everything that a policy may do on a request."""
        found, open_paths = [], [Path((), (), 1.0)]
        while open_paths:
            path = open_paths.pop()
            chances = policy[request, path.models]
            if path.models and chances[-1] > 0:
                found.append(path._replace(ended=float(chances[-1])))
            for model, chance in enumerate(chances[:-1]):
                if chance > 0:
                    longer = ((*path.models, model), (*path.chances, float(chance)), 1.0)
                    open_paths.append(Path(*longer))
        return found

    def truth(self, outcome: str) -> float:
        """The target's value, by enumeration."""
        return float(np.mean([self._worth(row, outcome) for row in range(len(self.quality))]))

    def _worth(self, row: int, outcome: str) -> float:
        return sum(
            float(np.prod(it.chances)) * it.ended * self.of_path(row, it.models, outcome)
            for it in self.paths(row, self.target)
        )

    def of_path(self, row: int, models: tuple[int, ...], outcome: str) -> float:
        if outcome == "quality":
            return float(self.quality[row, models[-1]])
        return float(self.cost_usd[row, list(models)].sum())

    def logs(self) -> Iterator[tuple[float, LoggedDecisions, TargetDecisions]]:
        """Every log that may come about, with its probability and the target's decisions on it."""
        each = [self.paths(row, self.logging) for row in range(len(self.quality))]
        for taken in product(*each):
            chance = float(np.prod([np.prod(it.chances) * it.ended for it in taken]))
            yield chance, *self._log(taken)

    def _log(self, taken: tuple[Path, ...]) -> tuple[LoggedDecisions, TargetDecisions]:
        m = self.quality.shape[1]
        request, model, chance, quality, cost, after = [], [], [], [], [], []
        for row, path in enumerate(taken):
            for at in range(len(path.models)):
                so_far = path.models[: at + 1]
                request.append(row)
                model.append(path.models[at])
                chance.append(path.chances[at])
                quality.append(self.of_path(row, so_far, "quality"))
                cost.append(self.of_path(row, so_far, "cost_usd"))
                after.append(self.target.get((row, so_far), np.zeros(m + 1)))
        last = np.flatnonzero(np.diff([*request, len(taken)]))
        q, c = np.array(quality), np.array(cost)
        log = LoggedDecisions(
            tuple("abcdefgh"[:m]),
            np.array(request),
            np.array(model),
            np.array(chance),
            {"quality": Outcome(q, q[last]), "cost_usd": Outcome(c, c[last], False, high=np.inf)},
            ended=np.array([it.ended for it in taken]),
        )
        first = np.array([self.target[row, ()][:-1] for row in range(len(taken))])
        onward = np.array(after)
        return log, TargetDecisions(first, onward[:, :-1], onward[:, -1])


def tiny_world(
    rng: np.random.Generator, n: int = 2, m: int = 2, deepest: int = 2, *, sure: bool = False
) -> TinyWorld:
    """A random world: the logging policy may do whatever the target may.

    Args:
        n, m: requests and models.
        deepest: calls on a request at most; no model is called twice.
        sure: the target draws nothing.
    """
    quality, cost = rng.random((n, m)), rng.random((n, m))
    logging: dict[tuple[int, tuple[int, ...]], Floats] = {}
    target: dict[tuple[int, tuple[int, ...]], Floats] = {}
    for row in range(n):
        histories: list[tuple[int, ...]] = [()]
        while histories:
            history = histories.pop()
            left = [model for model in range(m) if model not in history]
            may_call = len(history) < deepest and bool(left)
            options = [*(left if may_call else []), *([m] if history else [])]
            for policy, zeros in ((logging, False), (target, True)):
                weights = np.zeros(m + 1)
                weights[options] = 0.1 + rng.random(len(options))
                if zeros and len(options) > 1 and rng.random() < 0.5:
                    weights[rng.choice(options)] = 0.0
                if zeros and sure:
                    weights = np.eye(m + 1)[rng.choice(options)]
                policy[row, history] = weights / weights.sum()
            histories += [(*history, model) for model in left] if may_call else []
    return TinyWorld(quality, cost, logging, target)
