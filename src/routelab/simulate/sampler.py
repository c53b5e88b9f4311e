"""Look at the deployments at even moments of a simulated day."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import anyio
import numpy as np

from routelab.core import Ints
from routelab.core.catalogue import Catalogue
from routelab.runtime.engine import Engine
from routelab.simulate.day import DeploymentSamples
from routelab.simulate.upstream import SimulatedUpstream

_STATES = ("closed", "half-open", "open")


class Sampler:
    """Breakers, calls under way and lines, every `every_s` virtual seconds."""

    def __init__(
        self, engine: Engine, upstream: SimulatedUpstream, catalogue: Catalogue, every_s: float
    ) -> None:
        self.every_s = every_s
        self._engine = engine
        self._upstream = upstream
        self._deployments = [
            (model, state)
            for model, pool in engine.pools.items()
            if model in catalogue.models
            for state in pool.states
        ]
        self._states = [array("b") for _ in self._deployments]
        self._under_way = [array("i") for _ in self._deployments]
        self._lines = [array("i") for _ in self._deployments]
        self._waiting = array("i")

    async def sample_until(self, over: Callable[[], bool]) -> None:
        """Sample from now on until the day is over."""
        while not over():
            self._sample(anyio.current_time())
            await anyio.sleep(self.every_s)

    def _sample(self, now: float) -> None:
        for at, (model, state) in enumerate(self._deployments):
            line = self._upstream.lines.get((model, state.deployment.base_url))
            self._states[at].append(_STATES.index(state.breaker.state(now)))
            self._under_way[at].append(state.in_flight)
            self._lines[at].append(0 if line is None else line.waiting)
        self._waiting.append(sum(pool.waiting for pool in self._engine.pools.values()))

    def sampled(self) -> tuple[DeploymentSamples, ...]:
        """What was seen, by deployment."""
        return tuple(
            DeploymentSamples(
                model,
                state.deployment.public_url,
                state.deployment.provider,
                _ints(self._states[at]),
                _ints(self._under_way[at]),
                _ints(self._lines[at]),
            )
            for at, (model, state) in enumerate(self._deployments)
        )

    def waiting(self) -> Ints:
        """Calls that waited for a free deployment."""
        return _ints(self._waiting)


def _ints(values: array[int]) -> Ints:
    return np.asarray(values, dtype=np.int64)
