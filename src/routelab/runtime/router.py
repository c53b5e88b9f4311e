"""Route live requests as a policy directory says."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import anyio

from routelab.core import catalogue_file
from routelab.core.catalogue import ROUTER_TIMEOUT_S, Catalogue, Timeouts
from routelab.core.engine_rules import EngineRules
from routelab.errors import BudgetError, RouteError
from routelab.gates import AnyGate
from routelab.policy_file import PolicyFile, load
from routelab.runtime.ask import Messages, sending
from routelab.runtime.books import Books, Observer
from routelab.runtime.budgets import Budgets, MemoryStore, Store
from routelab.runtime.budgets import read as read_budgets
from routelab.runtime.budgets.keeper import Keeper
from routelab.runtime.desk import Desk
from routelab.runtime.endpoints import check_meant, endpoints, joined
from routelab.runtime.engine import Engine
from routelab.runtime.figures import Figures, Snapshot
from routelab.runtime.gatekeeper import GateFunction
from routelab.runtime.journal import DecisionLog, Sink
from routelab.runtime.lane import Lane, Overlay, cheaper_policy
from routelab.runtime.routed import Routed
from routelab.runtime.stream.answer import StreamedAnswer
from routelab.runtime.upstream import Upstream
from routelab.signals import Given

if TYPE_CHECKING:
    import httpx

    from routelab.runtime.http import HttpUpstream, Transport


class AsyncRouter:
    """Routes chat requests to OpenAI-compatible endpoints; for one event loop.

    Attributes:
        engine: deployments at work.

    Args:
        policy_file: what `routelab.policy_file.load` gives.
        catalogue: or the `models.toml` that holds it; goes before the policy's snapshot, which
            fills in what it leaves open of a model: prices, capabilities, context window,
            deployments.
        client: an httpx client to use, which stays yours to close.
        transport: of the router's own httpx client: "httpx", "aiohttp" (faster when many requests
            run at once; of the `serve` extra), or one of httpx's.
        upstream: replaces HTTP altogether.
        signals: how responses yield signals, by signal name: a spec such as "logprob_q:0.1"
            or a function of request and response; goes before what the policy file says.
        gates: that every answer must pass, besides those of the policy (see `routelab.gates`).
        again: how often a model is asked again, told why its answer was refused by `gates`.
        gate_functions: by name, for gates that are functions of yours.
        timeout_s: for each attempt at a deployment whose `timeouts` the catalogue does not give.
        rules: how calls are balanced, retried and cut off; go before the catalogue's `engine`.
        clock: seconds of the event loop's time.
        wall_clock: Unix time in seconds, for dates in replies and records.
        sleep: waits so many seconds of `clock`.
        rng: of balancing and of pauses before retries; the policy's draws have a seed of
            their own.
        budgets: what may be spent: rules, or a `budgets.toml`.
        budget_store: keeps what was spent; in memory unless given. Closed with the router.
        cheaper: decides the requests that a budget degrades; a policy or its directory, which
            goes before the one that `budgets` names.
        log: where a record of every request goes: a folder, or a sink; closed with the router.
        figures: counts requests; own ones unless given.
        observers: hear of every request when it is over.
        explained: decisions say why, in `routed.decision.reasons`.
        quiet: do not warn of a policy that was edited, nor of requests without what it reads; for
            tools that tell so themselves.
    Raises:
        CatalogueError: it cannot be read or is malformed, lists none of the policy's models, a
            model of the policy has no deployment, or rules make no sense.
        PolicyError: a signal's source cannot be parsed, the policy has no such signal, or a gate's
            function is not given.
    """

    def __init__(
        self,
        policy_file: PolicyFile,
        *,
        catalogue: Catalogue | str | Path | None = None,
        client: httpx.AsyncClient | None = None,
        transport: Transport | None = None,
        upstream: Upstream | None = None,
        signals: Mapping[str, Given] | None = None,
        gates: Sequence[AnyGate] = (),
        again: int = 0,
        gate_functions: Mapping[str, GateFunction] | None = None,
        timeout_s: float = ROUTER_TIMEOUT_S,
        rules: EngineRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        rng: random.Random | None = None,
        budgets: Budgets | str | Path | None = None,
        budget_store: Store | None = None,
        cheaper: PolicyFile | str | Path | None = None,
        log: Sink | str | Path | None = None,
        figures: Figures | None = None,
        observers: Sequence[Observer] = (),
        explained: bool = False,
        quiet: bool = False,
    ) -> None:
        if sum(way is not None for way in (client, transport, upstream)) > 1:
            raise RouteError("give one of client, transport and upstream")
        if budgets is None and (budget_store is not None or cheaper is not None):
            raise BudgetError("budget_store and cheaper serve budgets: give budgets=... too")
        rules_of_money = read_budgets(budgets) if isinstance(budgets, str | Path) else budgets
        spare = cheaper_policy(rules_of_money, cheaper)
        if isinstance(catalogue, str | Path):
            catalogue = catalogue_file.read(catalogue)
        if catalogue is not None:
            check_meant(policy_file, catalogue)
        overlay = Overlay(
            signals or {}, tuple(gates), again, gate_functions or {}, explained, quiet
        )
        self.catalogue = endpoints(policy_file, catalogue, rules)
        if spare is not None:
            self.catalogue = joined(self.catalogue, endpoints(spare, catalogue, rules))
        self.figures = figures or Figures(wall_clock=wall_clock)
        self._books = Books(
            _sink(log, self.catalogue, wall_clock), (self.figures, *observers), wall_clock
        )
        self._http: HttpUpstream | None = None
        if upstream is None:
            from routelab.runtime.http import HttpUpstream  # importing the runtime stays quick

            upstream = self._http = HttpUpstream(client, transport)
        self.engine = Engine(
            self.catalogue,
            upstream,
            timeouts=Timeouts(total_s=timeout_s),
            clock=clock,
            wall_clock=wall_clock,
            sleep=sleep,
            rng=rng or random.Random(),  # noqa: S311  (no secret hangs on it)
        )
        lane, second = Lane(policy_file, overlay, self.catalogue, self.engine, clock), None
        keeper: Keeper | None = None
        if spare is not None:
            fitting = overlay.fitting(spare.policy)
            second = Lane(spare, fitting, self.catalogue, self.engine, clock)
        if rules_of_money is not None:
            for one in (lane, second):
                if one is not None:
                    one.check_priced(rules_of_money)
            store = budget_store or MemoryStore()
            keeper = Keeper(rules_of_money, store, wall_clock, self._books.alert)
        self.policy = lane.policy
        self._desk = Desk(lane, second, keeper, self._books, clock)

    @classmethod
    def load(cls, path: str | Path, *, packages: Sequence[str] = (), **options: Any) -> Self:
        """A router for the policy directory at `path`; options are the constructor's.

        Args:
            packages: that bring kinds the policy names, and whose code may run.
        """
        return cls(load(path, packages=packages), **options)

    async def route(
        self,
        /,
        messages: Messages,
        *,
        id: str | None = None,  # noqa: A002  (the word of logs and of `Request`)
        task: str = "",
        tenant: str = "",
        priority: str = "",
        needs: Sequence[str] = (),
        max_cost_usd: float | None = None,
        deadline_s: float | None = None,
        **fields: Any,
    ) -> Routed:
        """Answer one request.

        Args:
            id: sent as `x-request-id`; the key of the policy's random draws.
            needs: capabilities that the answering model must have, for example "tools".
            max_cost_usd, deadline_s: no call is made that is predicted to cost more, or to end
                later, in all; None for no limit. What still runs at the deadline is cut off.
            fields: of the request body, passed on as they are.
        Raises:
            RequestError: the request is malformed; nothing was sent.
            NoModelError: what the request needs rules out every model of the policy.
            BudgetError: a budget has no room for it; says when there will be.
            RouteError: no model answered.
        """
        return await self._desk.answer(
            sending(
                messages,
                id=id,
                task=task,
                tenant=tenant,
                priority=priority,
                needs=needs,
                max_cost_usd=max_cost_usd,
                deadline_s=deadline_s,
                **fields,
            )
        )

    def stream(self, /, messages: Messages, **options: Any) -> StreamedAnswer:
        """Answer one request piece by piece; options are those of `route`.

        async with router.stream("Tell me a story") as answer:
            async for piece in answer:
                print(piece.text, end="")
        print(answer.routed.cost_usd)

        Pieces of a final call are passed on as they come; an answer that a policy has to
        judge first comes in one piece once it is accepted.

        Raises:
            RequestError: the request is malformed; other errors come from the loop.
        """
        asked = sending(messages, **options)
        return StreamedAnswer(lambda delivery: self._desk.answer(asked, delivery))

    def feedback(
        self, request_id: str, quality: float, *, model: str | None = None, source: str = ""
    ) -> None:
        """Say what an answer turned out to be worth; it goes to the log and the figures.

        Args:
            request_id: `routed.decision.request_id`.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
            source: of the judgement, for people.
        Raises:
            RouteError: the quality lies outside [0, 1].
        """
        if not 0.0 <= quality <= 1.0:
            raise RouteError(f"quality={quality!r} of request {request_id!r}: it lies in [0, 1]")
        self._books.feedback(request_id, float(quality), model, source)

    async def snapshot(self) -> Snapshot:
        """The figures, with what is left of budgets, breakers' states and the log's state."""
        log = self._books.log
        return self.figures.snapshot().with_state(
            budgets=await self._desk.left(),
            breakers=self.engine.states(),
            waiting=sum(pool.waiting for pool in self.engine.pools.values()),
            log=None if log is None else log.status(),
        )

    async def aclose(self) -> None:
        """Close the connections that the router opened, and write what the log still holds."""
        try:
            if self._http is not None:
                await self._http.aclose()
        finally:
            await self._desk.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _sink(
    log: Sink | str | Path | None, catalogue: Catalogue, wall_clock: Callable[[], float]
) -> Sink | None:
    """The log, which keeps out every key that the catalogue names."""
    sink = DecisionLog(log, wall_clock=wall_clock) if isinstance(log, str | Path) else log
    if sink is not None:
        models = catalogue.models.values()
        keys = [it.api_key_env for model in models for it in model.deployments if it.api_key_env]
        sink.keep_out(keys)
    return sink
