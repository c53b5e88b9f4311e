"""Statistics of each deployment on a simulated day."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from routelab.core import Attempt
from routelab.core.catalogue import Catalogue
from routelab.runtime import FinishedRequest, deployment_label

_PIECES = re.compile(r"after \d+ pieces")


@dataclass(frozen=True)
class DeploymentStats:
    """A deployment's day.

    Attributes:
        model, deployment, provider: whose it is; `deployment` by its address.
        attempts: that reached it; errors: of them, those without an answer; struck: of them, those
            that a fault changed.
        share: of the model's attempts.
        p50_s, p95_s: of its answers, from sending to the end; None without any.
        errors_by: attempts without an answer by what they say, numbers of pieces left out.
        unwaited_usd: what answers of it cost that nobody waited for; it is in no bill.
    """

    model: str
    deployment: str
    provider: str
    attempts: int
    errors: int
    struck: int
    share: float
    p50_s: float | None
    p95_s: float | None
    errors_by: Mapping[str, int] = field(default_factory=dict)
    unwaited_usd: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data under the keys first published, where `attempts` is `tries`."""
        return {"tries" if key == "attempts" else key: it for key, it in asdict(self).items()}


@dataclass
class _Tally:
    errors: Counter[str] = field(default_factory=Counter)
    answers_s: array[float] = field(default_factory=lambda: array("f"))


class AttemptTallies:
    """Counts attempts by deployment: four bytes for each answer."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Tally] = {}

    def count(self, finished: FinishedRequest) -> None:
        """The attempts of a request that is over."""
        for step in finished.steps:
            for attempt in step.feedback.attempts:
                self._one(attempt)

    def _one(self, attempt: Attempt) -> None:
        key = attempt.model, attempt.deployment
        tally = self._found.get(key)
        if tally is None:
            tally = self._found[key] = _Tally()
        if attempt.error is None:
            tally.answers_s.append(attempt.latency_s)
        else:
            tally.errors[_PIECES.sub("after a part", attempt.error).partition(":")[0]] += 1

    def worked(
        self,
        catalogue: Catalogue,
        struck: Mapping[tuple[str, str], int],
        unwaited_usd: Mapping[tuple[str, str], float],
    ) -> tuple[DeploymentStats, ...]:
        """Every deployment of the catalogue, called or not.

        Args:
            struck: attempts that a fault changed, by model and address.
            unwaited_usd: what answers cost that nobody waited for, likewise.
        """
        found = []
        for name, model in catalogue.models.items():
            tallies = [
                self._found.get((name, deployment_label(it)), _Tally()) for it in model.deployments
            ]
            attempts = [it.errors.total() + len(it.answers_s) for it in tallies]
            for at, tally, n in zip(model.deployments, tallies, attempts, strict=True):
                seen = np.asarray(tally.answers_s, dtype=np.float64)
                ends = np.quantile(seen, (0.5, 0.95)).tolist() if len(seen) else (None, None)
                key = name, at.base_url
                found.append(
                    DeploymentStats(
                        *(name, at.public_url, at.provider),
                        attempts=n,
                        errors=tally.errors.total(),
                        struck=struck.get(key, 0),
                        share=n / sum(attempts) if n else 0.0,
                        p50_s=ends[0],
                        p95_s=ends[1],
                        errors_by=dict(tally.errors.most_common()),
                        unwaited_usd=unwaited_usd.get(key, 0.0),
                    )
                )
        return tuple(found)


class NotableRequests:
    """The slowest requests and the first that failed, with everything they went through.

    Args:
        most: of each.
    """

    def __init__(self, most: int = 20) -> None:
        self._most = most
        self._slowest: list[FinishedRequest] = []
        self._floor_s = -math.inf
        self.failed: list[FinishedRequest] = []

    def consider(self, finished: FinishedRequest) -> None:
        """Keep a request that is over if it is one of them."""
        if finished.answer is None:
            if len(self.failed) < self._most:
                self.failed.append(finished)
        elif finished.latency_s > self._floor_s:
            self._slowest.append(finished)
            if len(self._slowest) >= 2 * self._most:
                self._slowest = self.slowest()
                self._floor_s = self._slowest[-1].latency_s

    def slowest(self) -> list[FinishedRequest]:
        """The slowest first."""
        return sorted(self._slowest, key=lambda it: -it.latency_s)[: self._most]
