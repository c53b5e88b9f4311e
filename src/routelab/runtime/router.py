"""Route live requests as a policy directory says."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, Self

from routelab.core.catalogue import Catalogue, Timeouts, catalogue_file
from routelab.errors import PolicyError, RouteError
from routelab.policy_file import PolicyFile, check_loaded, load
from routelab.runtime.attempts import ServedPrices
from routelab.runtime.budgets import BudgetKeeper, MemoryStore
from routelab.runtime.budgets import read as read_budgets
from routelab.runtime.config import RouterConfig, check_catalogue, checked
from routelab.runtime.engine import Engine
from routelab.runtime.journal import Sink
from routelab.runtime.metrics import RouterMetrics, Snapshot
from routelab.runtime.moments import bounded_clock
from routelab.runtime.requests import (
    ActivePolicy,
    Messages,
    Observers,
    Overlay,
    RequestHandler,
    RequestOptions,
    StreamedAnswer,
    cheaper_policy,
    check_meant,
    deployed_models,
    merged_models,
    priced_models,
    sending,
)
from routelab.runtime.routed_answer import RoutedAnswer
from routelab.runtime.upstream import Upstream

if TYPE_CHECKING:
    from routelab.runtime.transport import HttpUpstream


class AsyncRouter:
    """Routes chat requests to OpenAI-compatible endpoints; for one event loop.

    >>> import asyncio
    >>> import httpx
    >>> from routelab import AsyncRouter
    >>> from routelab.runtime import RouterConfig
    >>> def endpoint(request):  # stands for the network
    ...     message = {"role": "assistant", "content": "4"}
    ...     sure = {"signals": {"confidence": 0.9}}
    ...     return httpx.Response(200, json={"choices": [{"message": message}], "routelab": sure})
    >>> config = RouterConfig(transport=httpx.MockTransport(endpoint))
    >>> async def ask():
    ...     async with AsyncRouter.load("mine.policy", "models.toml", config) as router:
    ...         return await router.route("What is 2 + 2?", task="maths", temperature=0)
    >>> asyncio.run(ask()).answer
    '4'

    Attributes:
        engine: deployments with their balancing, limits and breakers.

    Args:
        policy: what `routelab.policy_file.load` gives.
        catalogue: of models and their deployments, or the `models.toml` that holds it: addresses
            and keys are those of this catalogue alone. The policy's snapshot fills in what else it
            leaves open of a model: prices, capabilities, context window.
        config: everything else.
    Raises:
        CatalogueError: it cannot be read or is malformed, lists none of the policy's models or
            gives one of them no deployment (unless `config.upstream` answers), an address holds
            credentials, or rules are out of range.
        PolicyError: the policy is a path or was not loaded, a signal's source cannot be parsed,
            the policy has no such signal, or a gate's function is not given.
        ConfigError: an unknown argument, or one that is a field of the config; or the catalogue is
            none.
    """

    def __init__(
        self,
        policy: PolicyFile,
        catalogue: Catalogue | str | Path | None = None,
        config: RouterConfig | None = None,
        **unknown: Never,
    ) -> None:
        config = checked("AsyncRouter", config, unknown)
        check_router_policy("AsyncRouter", policy)
        check_catalogue(catalogue)
        budgets = config.budgets
        if isinstance(budgets, str | Path):
            budgets = read_budgets(budgets)
        spare = cheaper_policy(budgets, config.cheaper)
        source = "models.toml"
        if isinstance(catalogue, str | Path):
            source, catalogue = str(catalogue), catalogue_file.read(catalogue)
        if catalogue is not None:
            check_meant(policy, catalogue)
        overlay = _overlay(config)
        clock, wall_clock = config.clock, bounded_clock(config.wall_clock)
        deployed = partial(
            deployed_models, given=catalogue, rules=config.rules, source=source,
            addressed=config.upstream is None,
        )  # fmt: skip
        self.catalogue = deployed(policy)
        if spare is not None:
            self.catalogue = merged_models(self.catalogue, deployed(spare))
        self.metrics = config.metrics or RouterMetrics(wall_clock=wall_clock)
        log, observers = _sink(config.log, self.catalogue, wall_clock), config.observers
        observers = (self.metrics, *observers)
        self._observers = Observers(log, observers, wall_clock, config.trace_headers)
        self._http: HttpUpstream | None = None
        upstream = config.upstream
        if upstream is None:
            from routelab.runtime.transport import HttpUpstream

            upstream = self._http = HttpUpstream(config.client, config.transport)
        self.engine = _engine(self.catalogue, upstream, config, wall_clock)
        listed = priced_models(policy, spare, catalogue)
        prices = ServedPrices(self.catalogue, listed, wall_clock)
        of_all = self.catalogue, self.engine, clock, prices
        active, second = ActivePolicy(policy, overlay, *of_all), None
        budget_keeper: BudgetKeeper | None = None
        if spare is not None:
            fitting = overlay.fitting(spare.policy)
            second = ActivePolicy(spare, fitting, *of_all)
        if budgets is not None:
            for one in (active, second):
                if one is not None:
                    one.check_priced(budgets)
            store = config.budget_store or MemoryStore()
            budget_keeper = BudgetKeeper(budgets, store, wall_clock, self._observers.alert)
        self.policy = active.policy
        pacing = None if self._http is None else self._http.pacing
        self._handler = RequestHandler(
            active, second, budget_keeper, self._observers, clock, pacing
        )

    @classmethod
    def load(
        cls,
        path: str | Path,
        catalogue: Catalogue | str | Path | None = None,
        config: RouterConfig | None = None,
        *,
        packages: Sequence[str] = (),
        **unknown: Never,
    ) -> Self:
        """A router for the policy directory at `path`; the rest is as the constructor has it.

        Args:
            path: of the policy directory.
            catalogue, config: as the constructor has them.
            packages: that bring kinds the policy names, and whose code may run.
        """
        config = checked("AsyncRouter.load", config, unknown, ("packages",))
        return cls(load(path, packages=packages), catalogue, config)

    async def route(
        self, /, messages: Messages, options: RequestOptions | None = None, **given: Any
    ) -> RoutedAnswer:
        """Answer one request.

        Args:
            messages: a prompt, or chat messages in the OpenAI form.
            options: what is asked for besides.
            given: the same in short: fields of `RequestOptions`, which go before those of
                `options`; any other name is a parameter of the request body.
        Raises:
            RequestError: the request is malformed; nothing was sent.
            NoModelError: what the request needs rules out every model of the policy.
            BudgetError: a budget has no room for it; says when there will be.
            RouteError: no model answered.
        """
        return await self._handler.answer(lambda: sending(messages, options, given))

    def stream(
        self, /, messages: Messages, options: RequestOptions | None = None, **given: Any
    ) -> StreamedAnswer:
        """Answer one request piece by piece; arguments are those of `route`.

            async with router.stream("Tell me a story") as answer:
                async for piece in answer:
                    print(piece.text, end="")
            print(answer.routed.cost_usd)

        Pieces of a final call are passed on as they come; an answer that a policy has to
        judge first comes in one piece once it is accepted.

        Raises:
            RequestError: the request is malformed; other errors come from the loop.
        """
        asked = sending(messages, options, given)
        return StreamedAnswer(
            lambda delivery: self._handler.answer(lambda: asked, delivery),
            self._handler.settle_behind,
        )

    def feedback(
        self, request_id: str, quality: float, *, model: str | None = None, source: str = ""
    ) -> None:
        """Report the quality of an answer, for the log and the operations metrics.

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
        self._observers.feedback(request_id, float(quality), model, source)

    async def snapshot(self) -> Snapshot:
        """Operations metrics since the start, with the states of budgets, breakers and log."""
        log = self._observers.log
        return self.metrics.snapshot().with_state(
            budgets=await self._handler.left(),
            breakers=self.engine.states(),
            unlike=dict(self._handler.active.unlike),
            waiting=sum(pool.waiting for pool in self.engine.pools.values()),
            log=None if log is None else log.status(),
        )

    async def aclose(self) -> None:
        """Close the connections that the router opened, and write what the log still holds.

        Nothing is sent any more: requests under way end in an error, unless their answer is there.
        """
        self._handler.closed = self.engine.closed = True
        try:
            await self._handler.settled()
        finally:
            await self._closed()

    async def _closed(self) -> None:
        try:
            if self._http is not None:
                await self._http.aclose()
        finally:
            await self._handler.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def check_router_policy(call: str, given: object) -> None:
    """Refuse what is no loaded policy directory; a path has a shorter way.

    Raises:
        PolicyError: it is not, with the way out.
    """
    if isinstance(given, str | Path):
        raise PolicyError(
            f"{call} takes a loaded policy, and {str(given)!r} is a path: write"
            f" {call}.load({str(given)!r})"
        )
    check_loaded(call, given)


def _overlay(config: RouterConfig) -> Overlay:
    return Overlay(
        config.signals,
        tuple(config.gates),
        config.again,
        config.gate_functions,
        config.explained,
        config.quiet,
    )


def _engine(
    catalogue: Catalogue,
    upstream: Upstream,
    config: RouterConfig,
    wall_clock: Callable[[], float],
) -> Engine:
    return Engine(
        catalogue,
        upstream,
        timeouts=Timeouts(total_s=config.timeout_s),
        clock=config.clock,
        wall_clock=wall_clock,
        sleep=config.sleep,
        rng=config.rng or random.Random(),  # noqa: S311  (no secret hangs on it)
        share=config.limit_share,
    )


def _sink(
    log: Sink | str | Path | None, catalogue: Catalogue, wall_clock: Callable[[], float]
) -> Sink | None:
    """The log, which keeps out every key that the catalogue names."""
    if isinstance(log, str | Path):
        from routelab.runtime.journal import DecisionLog  # importing the runtime stays quick

        sink: Sink | None = DecisionLog(log, wall_clock=wall_clock)
    else:
        sink = log
    if sink is not None:
        models = catalogue.models.values()
        keys = [it.api_key_env for model in models for it in model.deployments if it.api_key_env]
        sink.keep_out(keys)
    return sink
