"""Proof by HTTP: routing through real servers repeats the replay, decision for decision."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import msgspec
import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.core.flow import Decision
from routelab.errors import RouteError
from routelab.logs.log import Log
from routelab.policy_file import PolicyFile
from routelab.replay import Known, decide
from routelab.runtime import AsyncRouter
from routelab.serve.server import background

AT_ONCE = 16


class Parity(NamedTuple):
    """How many requests were decided alike, and what both ways spent.

    Attributes:
        n: requests routed.
        same: of them, those with the same calls, answer and cost.
        replayed_usd, routed_usd: exactly rounded totals.
        different: ids of requests decided otherwise.
    """

    n: int
    same: int
    replayed_usd: float
    routed_usd: float
    different: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether production repeated the replay."""
        return self.same == self.n and self.replayed_usd == self.routed_usd

    def __str__(self) -> str:
        cost = "equal" if self.replayed_usd == self.routed_usd else "different"
        return f"parity: {self.same}/{self.n} decisions, cost {cost}"


def parity(policy_file: PolicyFile, log: Log) -> Parity:
    """Route every request of a log through replay servers on loopback, one a provider.

    Args:
        log: requests with prompts, and outcomes of the policy's models.
    """
    catalogue = policy_file.document.catalogue
    prompts = log.texts.prompts(np.arange(len(log))) if log.texts else [""] * len(log)
    with ExitStack() as servers:
        urls = {
            provider: servers.enter_context(background(log, catalogue=catalogue))
            for provider in _providers(catalogue)
        }
        routed = asyncio.run(_route(policy_file, _moved(catalogue, urls), log, prompts))
    seed = policy_file.document.seed
    known = Known(log, policy_file.scoring)
    replayed = [_replay(policy_file, known, row, catalogue, seed) for row in range(len(log))]
    pairs = list(zip(log.requests.id, replayed, routed, strict=True))
    different = tuple(str(key) for key, one, other in pairs if _what(one) != _what(other))
    return Parity(len(log), len(log) - len(different), _spent(replayed), _spent(routed), different)


def _providers(catalogue: Catalogue) -> Sequence[str]:
    every = (d.provider for model in catalogue.models.values() for d in model.deployments)
    return tuple(dict.fromkeys(every))


def _moved(catalogue: Catalogue, urls: dict[str, str]) -> Catalogue:
    """The catalogue with every provider's deployments at that provider's URL."""
    return Catalogue(
        {
            name: msgspec.structs.replace(
                model,
                deployments=tuple(
                    msgspec.structs.replace(it, base_url=urls[it.provider], api_key_env="")
                    for it in model.deployments
                ),
            )
            for name, model in catalogue.models.items()
        }
    )


async def _route(
    policy_file: PolicyFile, catalogue: Catalogue, log: Log, prompts: Sequence[str]
) -> list[Decision | None]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: int, router: AsyncRouter) -> Decision | None:
        request = log.requests.request(row)
        async with gate:
            try:
                routed = await router.route(
                    prompts[row],
                    id=request.id,
                    task=request.task,
                    tenant=request.tenant,
                    priority=request.priority,
                    needs=request.needs,
                    max_cost_usd=request.max_cost_usd,
                    deadline_s=request.deadline_s,
                )
            except RouteError:
                return None
            return routed.decision

    from_log = {name: f"column:{name}" for name in policy_file.policy.signals_used}
    async with AsyncRouter(policy_file, catalogue=catalogue, signals=from_log) as router:
        return await asyncio.gather(*(one(row, router) for row in range(len(log))))


def _replay(
    policy_file: PolicyFile, known: Known, row: int, catalogue: Catalogue, seed: int
) -> Decision | None:
    try:
        return decide(
            policy_file.policy,
            known.log,
            row,
            catalogue=catalogue,
            seed=seed,
            estimates=policy_file.document.estimates,
            known=known,
        )
    except RouteError:
        return None


def _what(decision: Decision | None) -> tuple[object, ...] | None:
    if decision is None:
        return None
    return decision.models, decision.answer.model, decision.cost_usd, decision.choices


def _spent(decisions: Sequence[Decision | None]) -> float:
    return math.fsum(decision.cost_usd for decision in decisions if decision is not None)
