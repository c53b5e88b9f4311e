"""The part of a deployment's limits that one of several processes may use up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from routelab.core.catalogue import Catalogue, Deployment, EngineRules
from routelab.runtime.upstream import deployment_label

_DEFAULT = EngineRules()


class LimitShare(NamedTuple):
    """Which of how many processes this is: together they keep to what the catalogue says.

    What is written in the catalogue is divided. What stands there by default, to keep one process
    in bounds, holds for each of them.

    >>> from routelab.runtime import LimitShare
    >>> [LimitShare(place, 4).calls(10) for place in range(4)]
    [3, 3, 2, 2]

    Attributes:
        place: of this process, from 0.
        processes: how many there are.
    """

    place: int = 0
    processes: int = 1

    def calls(self, limit: int) -> int:
        """Calls under way at once; at least one, as a process without any could never answer."""
        return max(1, limit // self.processes + (self.place < limit % self.processes))

    def slots(self, deployment: Deployment, rules: EngineRules) -> int:
        """Calls under way at once at a deployment."""
        if deployment.max_concurrency:
            return self.calls(deployment.max_concurrency)
        if rules.max_concurrency != _DEFAULT.max_concurrency:
            return self.calls(rules.max_concurrency)
        return rules.max_concurrency

    def host_calls(self, rules: EngineRules) -> int:
        """Calls under way at once at a host."""
        if rules.host_concurrency != _DEFAULT.host_concurrency:
            return self.calls(rules.host_concurrency)
        return rules.host_concurrency

    def rate(self, per_minute: float) -> float:
        """Of requests or tokens a minute."""
        return per_minute / self.processes

    def warnings(self, catalogue: Catalogue) -> Iterator[str]:
        """A sentence for each limit of calls at once that is below the number of processes."""
        rules = catalogue.engine or _DEFAULT
        for name in ("max_concurrency", "host_concurrency"):
            if (limit := getattr(rules, name)) < self.processes:
                yield self._undivided(f"engine: {name}", limit)
        models = catalogue.models.values()
        for it in dict.fromkeys(it for model in models for it in model.deployments):
            if it.weight > 0.0 and it.max_concurrency and it.max_concurrency < self.processes:
                yield self._undivided(
                    f"{deployment_label(it)}: max_concurrency", it.max_concurrency
                )

    def _undivided(self, name: str, limit: int) -> str:
        return (
            f"{name} = {limit} cannot be divided among {self.processes} processes; each has one"
            f" call at once, so that there may be {self.processes}: serve with {limit} at most"
        )
