"""Proof by HTTP: routing through real servers repeats the replay, decision for decision."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import msgspec
import numpy as np

from routelab.core import Decision, Ints, Message
from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.core.conversation import DIALOGUE, kinds_read, prompted
from routelab.core.messages import listed
from routelab.errors import RouteError, UncoveredError
from routelab.logs.model import Log
from routelab.policy_file import PolicyFile
from routelab.replay import Replay, RequestCache, decide, run
from routelab.replay_server.logged_gates import recorded
from routelab.replay_server.server import background
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig
from routelab.signals import as_logged

AT_ONCE = 16
SHOWN = 3
"""Differing requests whose decisions are kept, to be looked at."""


class ParityDifference(NamedTuple):
    """A request that was decided otherwise over HTTP.

    Attributes:
        request_id: in the log.
        replayed: decision of the replay; None where no model answered.
        routed: decision over HTTP; None where no model answered.
    """

    request_id: str
    replayed: Decision | None
    routed: Decision | None


class Parity(NamedTuple):
    """How many requests were decided alike by replay and over HTTP, and what both ways spent.

    Attributes:
        n: requests routed.
        same: of them, those with the same calls, answer and cost.
        replayed_usd, routed_usd: exactly rounded totals.
        different: ids of requests decided otherwise.
        cost_alone: of those, how many made the same calls, drew the same and delivered the
            same model's answer, at another cost.
        examples: the first of them, both ways.
        uncovered: further requests, on which the policy asks for what the log cannot know.
        doubts: sentences on requests of production that this log says nothing of.
    """

    n: int
    same: int
    replayed_usd: float
    routed_usd: float
    different: tuple[str, ...]
    cost_alone: int = 0
    examples: tuple[ParityDifference, ...] = ()
    uncovered: int = 0
    doubts: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether production repeated the replay."""
        return self.same == self.n and self.replayed_usd == self.routed_usd

    def as_json(self) -> dict[str, Any]:
        """Plain data, without the decisions of the examples."""
        return {**self._replace(examples=())._asdict(), "holds": self.holds}

    def __str__(self) -> str:
        cost = "equal" if self.replayed_usd == self.routed_usd else "different"
        return f"parity: {self.same}/{self.n} decisions, cost {cost}"


def prove_parity(policy_file: PolicyFile, log: Log) -> Parity:
    """Route every request of a log through replay servers on loopback, one a provider.

    Every decision is made three times: over HTTP, by the replay of one request, and by the
    replay of all at once, which is what figures are made of.

    Args:
        policy_file: as loaded.
        log: requests with prompts, and outcomes of the policy's models. A model that the
            policy's catalogue gives no endpoint is served with the others. A gate that is a
            function is answered for by its column of verdicts.
    Raises:
        UncoveredError: on every request the policy asks for what the log cannot know.
    """
    rows, single = _alone(policy_file, log)
    uncovered, log = len(log) - len(rows), log.take(rows)
    catalogue = policy_file.document.catalogue.only(policy_file.document.candidates)
    said = log.texts.messages(np.arange(len(log))) if log.texts else [prompted("")] * len(log)
    with ExitStack() as servers:
        urls = {
            provider: servers.enter_context(background(log, catalogue=catalogue))
            for provider in _providers(catalogue)
        }
        routed = asyncio.run(_route(policy_file, _moved(catalogue, urls), log, said))
    whole = run(
        policy_file.policy,
        log,
        catalogue=catalogue,
        seed=policy_file.document.seed,
        estimates=policy_file.document.estimates,
        scoring=policy_file.scoring,
    )
    found = [
        ParityDifference(str(log.requests.id[row]), one, other)
        for row, (one, other) in enumerate(zip(single, routed, strict=True))
        if _what(one) != _what(other) or _of_one(one, log) != _of_all(whole, row)
    ]
    same = len(log) - len(found)
    ids = tuple(it.request_id for it in found)
    dearer = sum(_but_cost(it.replayed) == _but_cost(it.routed) for it in found)
    spent = _spent(single), _spent(routed)
    return Parity(
        len(log), same, *spent, ids, dearer, tuple(found[:SHOWN]), uncovered,
        tuple(_doubts(policy_file, log)),
    )  # fmt: skip


def _doubts(policy_file: PolicyFile, log: Log) -> Iterator[str]:
    """What messages of production may hold that was not tried."""
    there = log.message_kinds
    if new := policy_file.unlike(there):
        yield (
            f"messages of {log.name} hold {listed(sorted(new))}, and those of the log that the"
            " policy was tuned on held none: its figures do not speak of them"
        )
    if not policy_file.reads_text:
        return
    reads = policy_file.document.reading
    missing = kinds_read(DIALOGUE, reads) - there
    if reads is None and missing:
        yield (
            "the policy's file says nothing of what it `reads`, so that it looks at all messages,"
            f" and no request here has {listed(sorted(missing), 'or')}: production decides requests"
            " with them otherwise than their prompts alone; tune the policy again"
        )
    elif missing:
        yield (
            f"the policy reads {reads}, and no request here has {listed(sorted(missing), 'or')}:"
            " how requests with them are decided is not shown"
        )


def _alone(policy_file: PolicyFile, log: Log) -> tuple[Ints, list[Decision | None]]:
    """Rows on which the log can answer all that is asked, and what is decided on each alone."""
    cache = RequestCache(log, policy_file.scoring)
    rows: list[int] = []
    decided = []
    why: UncoveredError | None = None
    for row in range(len(log)):
        try:
            decided.append(_replay(policy_file, cache, row))
            rows.append(row)
        except UncoveredError as error:
            why = why or error
    if why is not None and not rows:
        raise why
    return np.array(rows, dtype=np.int64), decided


def _providers(catalogue: Catalogue) -> Sequence[str]:
    every = (d.provider for model in catalogue.models.values() for d in _served(model))
    return tuple(dict.fromkeys(every))


def _served(model: Model) -> tuple[Deployment, ...]:
    """A model's deployments, or one that stands in where none is known."""
    return model.deployments or (Deployment("", ""),)


def _moved(catalogue: Catalogue, urls: dict[str, str]) -> Catalogue:
    """The catalogue with every provider's deployments at that provider's URL, without limits."""
    return Catalogue(
        {
            name: msgspec.structs.replace(
                model,
                cost_reported=model.cost_reported or not model.deployments,
                deployments=tuple(
                    Deployment(urls[it.provider], it.model or name, it.provider)
                    for it in _served(model)
                ),
            )
            for name, model in catalogue.models.items()
        }
    )


async def _route(
    policy_file: PolicyFile, catalogue: Catalogue, log: Log, said: Sequence[tuple[Message, ...]]
) -> list[Decision | None]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: int, router: AsyncRouter) -> Decision | None:
        request = log.requests.request(row)
        async with gate:
            try:
                routed = await router.route(said[row], RequestOptions.of(request))
            except RouteError:
                return None
            return routed.decision

    config = RouterConfig(
        signals=as_logged(policy_file.policy.signals_used),
        gate_functions=recorded(policy_file.policy, log),
        quiet=True,
    )
    async with AsyncRouter(policy_file, catalogue, config) as router:
        return await asyncio.gather(*(one(row, router) for row in range(len(log))))


def _replay(policy_file: PolicyFile, cache: RequestCache, row: int) -> Decision | None:
    try:
        return decide(
            policy_file.policy,
            cache.log,
            row,
            catalogue=policy_file.document.catalogue,
            seed=policy_file.document.seed,
            estimates=policy_file.document.estimates,
            cache=cache,
        )
    except RouteError:
        return None


def _what(decision: Decision | None) -> tuple[object, ...] | None:
    """What must be the same both ways."""
    return None if decision is None else (*(_but_cost(decision) or ()), decision.cost_usd)


def _but_cost(decision: Decision | None) -> tuple[object, ...] | None:
    if decision is None:
        return None
    return decision.models, decision.answer.model, decision.choices


def _of_one(decision: Decision | None, log: Log) -> tuple[object, ...]:
    """What the replay of one request shares with that of all."""
    if decision is None:
        return (-1,)
    return log.models.index(decision.answer.model), decision.cost_usd, len(decision.steps)


def _of_all(whole: Replay, row: int) -> tuple[object, ...]:
    answered = int(whole.answered[row])
    if answered < 0:
        return (-1,)
    return answered, float(whole.cost_usd[row]), int(whole.calls[row])


def _spent(decisions: Sequence[Decision | None]) -> float:
    return math.fsum(decision.cost_usd for decision in decisions if decision is not None)
