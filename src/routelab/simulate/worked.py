"""What each deployment did on a simulated day."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.core.protocol import Attempted
from routelab.runtime.finished import Finished
from routelab.runtime.upstream import address


@dataclass(frozen=True)
class Worked:
    """A deployment's day.

    Attributes:
        model, deployment, provider: whose it is; `deployment` by its address.
        tries: that reached it; errors: of them, those without an answer; struck: of them, those
            that a fault changed.
        share: of the model's tries.
        p50_s, p95_s: of its answers, from sending to the end; None without any.
    """

    model: str
    deployment: str
    provider: str
    tries: int
    errors: int
    struck: int
    share: float
    p50_s: float | None
    p95_s: float | None


@dataclass
class _Tally:
    errors: int = 0
    answers_s: array[float] = field(default_factory=lambda: array("f"))


class Tallies:
    """Counts tries by deployment: four bytes for each answer."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Tally] = {}

    def count(self, finished: Finished) -> None:
        """The tries of a request that is over."""
        for step in finished.steps:
            for tried in step.feedback.attempts:
                self._one(tried)

    def _one(self, tried: Attempted) -> None:
        key = tried.model, tried.deployment
        tally = self._found.get(key)
        if tally is None:
            tally = self._found[key] = _Tally()
        if tried.error is None:
            tally.answers_s.append(tried.latency_s)
        else:
            tally.errors += 1

    def worked(
        self, catalogue: Catalogue, struck: Mapping[tuple[str, str], int]
    ) -> tuple[Worked, ...]:
        """Every deployment of the catalogue, called or not.

        Args:
            struck: tries that a fault changed, by model and address.
        """
        found = []
        for name, model in catalogue.models.items():
            tallies = [self._found.get((name, address(it)), _Tally()) for it in model.deployments]
            tries = [it.errors + len(it.answers_s) for it in tallies]
            for at, tally, n in zip(model.deployments, tallies, tries, strict=True):
                seen = np.asarray(tally.answers_s, dtype=np.float64)
                ends = np.quantile(seen, (0.5, 0.95)).tolist() if len(seen) else (None, None)
                hit = struck.get((name, at.base_url), 0)
                share = n / sum(tries) if n else 0.0
                found.append(
                    Worked(name, at.public_url, at.provider, n, tally.errors, hit, share, *ends)
                )
        return tuple(found)


class Remembered:
    """The slowest requests and the first that failed, with everything they went through.

    Args:
        most: of each.
    """

    def __init__(self, most: int = 20) -> None:
        self._most = most
        self._slowest: list[Finished] = []
        self._floor_s = -math.inf
        self.failed: list[Finished] = []

    def consider(self, finished: Finished) -> None:
        """Keep a request that is over if it is one of them."""
        if finished.answer is None:
            if len(self.failed) < self._most:
                self.failed.append(finished)
        elif finished.latency_s > self._floor_s:
            self._slowest.append(finished)
            if len(self._slowest) >= 2 * self._most:
                self._slowest = self.slowest()
                self._floor_s = self._slowest[-1].latency_s

    def slowest(self) -> list[Finished]:
        """The slowest first."""
        return sorted(self._slowest, key=lambda it: -it.latency_s)[: self._most]
