"""A small day for real: requests as they arrive, over HTTP to servers that take their time."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import numpy as np
from msgspec import structs

from routelab.core import Bools, Floats
from routelab.core.catalogue import Catalogue
from routelab.core.conversation import prompted
from routelab.errors import RouteError
from routelab.logs.model import Log
from routelab.policy_file import PolicyFile
from routelab.replay_server.server import background
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig
from routelab.signals import as_logged
from routelab.simulate import Arrivals


class LoopbackDay(NamedTuple):
    """What became of requests (k), in the order in which they arrived.

    Attributes:
        latency_s: (k,) from arrival to the end.
        cost_usd: (k,) of answered requests; 0 without an answer.
        answered: (k,).
        models: (k,) that answered; empty without an answer.
    """

    latency_s: Floats
    cost_usd: Floats
    answered: Bools
    models: tuple[str, ...]


def measure(
    policy_file: PolicyFile,
    log: Log,
    arriving: Arrivals,
    catalogue: Catalogue,
    *,
    latency_scale: float = 1.0,
    down: Collection[str] = (),
    seed: int = 0,
) -> LoopbackDay:
    """Route requests through replay servers on loopback, one a provider, in real time.

    Args:
        arriving: requests of this log, each at most once; real seconds.
        catalogue: its deployments are asked at their provider's server, with their limits.
        latency_scale: answers take so many times their logged latency.
        down: providers whose server refuses connections.
    """
    deployments = [it for model in catalogue.models.values() for it in model.deployments]
    with ExitStack() as servers:
        urls = {
            provider: servers.enter_context(
                _refusing()
                if provider in down
                else background(log, catalogue=catalogue, latency_scale=latency_scale)
            )
            for provider in dict.fromkeys(it.provider for it in deployments)
        }
        moved = {
            name: structs.replace(
                model,
                cost_reported=True,
                deployments=tuple(
                    structs.replace(it, base_url=urls[it.provider], api_key_env="")
                    for it in model.deployments
                ),
            )
            for name, model in catalogue.models.items()
        }
        return asyncio.run(
            _routed(policy_file, log, arriving, Catalogue(moved, catalogue.engine), seed)
        )


async def _routed(
    policy_file: PolicyFile, log: Log, arriving: Arrivals, catalogue: Catalogue, seed: int
) -> LoopbackDay:
    n = len(arriving)
    latency_s, cost_usd = np.zeros(n), np.zeros(n)
    models = [""] * n
    loop = asyncio.get_running_loop()
    said = [prompted("")] * n if log.texts is None else log.texts.messages(arriving.rows)

    async def one(place: int, router: AsyncRouter) -> None:
        request, began = log.requests.request(int(arriving.rows[place])), loop.time()
        try:
            routed = await router.route(said[place], RequestOptions.of(request))
            cost_usd[place], models[place] = routed.cost_usd, routed.model
        except RouteError:
            pass
        latency_s[place] = loop.time() - began

    config = RouterConfig(
        signals=as_logged(policy_file.policy.signals_used),
        rng=random.Random(seed),  # noqa: S311  (balancing needs no secret)
        quiet=True,
    )
    async with (
        AsyncRouter(policy_file, catalogue, config) as router,
        asyncio.TaskGroup() as tasks,
    ):
        first = loop.time() + 0.05
        for place, at_s in enumerate(arriving.at_s.tolist()):
            await asyncio.sleep(max(0.0, first + at_s - loop.time()))
            tasks.create_task(one(place, router))
    answered = np.array([bool(model) for model in models])
    return LoopbackDay(latency_s, cost_usd, answered, tuple(models))


@contextmanager
def _refusing() -> Iterator[str]:
    """A base URL at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"
