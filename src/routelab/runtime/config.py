"""The settings of a router, in one value: all but its policy and the catalogue of its models."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from routelab.core import KeywordOptions, misplaced
from routelab.core.catalogue import ROUTER_TIMEOUT_S, Catalogue, EngineRules, engine_rules
from routelab.core.messages import is_number, value_text
from routelab.errors import ConfigError
from routelab.gates import AnyGate, Gate
from routelab.policies import MOST_AGAIN
from routelab.policy_file import PolicyFile
from routelab.runtime.budgets import Budgets, Store
from routelab.runtime.calls import GateFunction
from routelab.runtime.engine import LimitShare
from routelab.runtime.journal import Sink
from routelab.runtime.metrics import RouterMetrics
from routelab.runtime.requests import Observer
from routelab.runtime.upstream import Upstream
from routelab.signals import Given

if TYPE_CHECKING:
    from routelab.runtime.transport import Client, Transport


@dataclass(frozen=True, kw_only=True, slots=True)
class RouterConfig(KeywordOptions):
    """Settings of a router besides its policy and catalogue; every field may be left out.

    One value serves any number of routers, unless it holds what only one may have: an open log,
    metrics, a budget store, an upstream.

    >>> from routelab.runtime import RouterConfig
    >>> config = RouterConfig(log="decisions/", timeout_s=20.0, signals={"sure": "agreement:3"})
    >>> RouterConfig(timeout_s=0.0)
    Traceback (most recent call last):
    routelab.errors.ConfigError: timeout_s=0.0: give seconds above 0, math.inf for no limit

    Attributes:
        client: to the endpoints: an `AsyncClient` of httpx or httpx2, which stays yours to close.
        transport: "httpx", "aiohttp" (half the processor time; of the `serve` extra), or an
            `AsyncBaseTransport` of httpx or httpx2.
        upstream: replaces HTTP altogether. Of client, transport and upstream give one at most.
        timeout_s: seconds for each attempt at a deployment whose `timeouts` the catalogue does
            not give.
        rules: how calls are balanced, retried and cut off; go before the catalogue's `engine`.
        limit_share: of the limits of deployments, where several processes share them; all of them
            unless given.
        signals: how responses yield signals, by signal name: a spec such as "logprob_q:0.1"
            or a function of request and response; goes before what the policy file says.
        gates: that every answer must pass, besides those of the policy (see `routelab.gates`).
        again: how often a model is asked again, with the reason why `gates` refused its answer;
            in [0, 5].
        gate_functions: by name, for gates that are functions of yours.
        budgets: what may be spent: rules, or a `budgets.toml`.
        budget_store: keeps what was spent; in memory unless given. Closed with the router.
        cheaper: decides the requests that a budget degrades; a policy or its directory, which
            goes before the one that `budgets` names.
        log: where a record of every request goes: a folder, or a sink; closed with the router.
        metrics: what requests are counted in; its own unless given.
        observers: hear of every request when it is over.
        trace_headers: endpoints are told of the trace that a request belongs to, in the headers
            `traceparent` and `tracestate`; a deployment of the catalogue may be left out of it.
        explained: decisions say why, in `routed.decision.reasons`.
        quiet: do not warn of a policy that was edited, nor of requests without what it reads; for
            tools that tell so themselves.
        clock: seconds of the event loop's time; for tests and simulations, as are the next three.
        wall_clock: Unix time in seconds, for dates in replies and records.
        sleep: waits so many seconds of `clock`.
        rng: of balancing and of pauses before retries, a fresh one unless given; the policy's
            draws have a seed of their own.
    Raises:
        ConfigError: a name is no field, or values are out of range; every problem is named.
    """

    client: Client | None = None
    transport: Transport | None = None
    upstream: Upstream | None = None
    timeout_s: float = ROUTER_TIMEOUT_S
    rules: EngineRules | None = None
    limit_share: LimitShare | None = None

    signals: Mapping[str, Given] = field(default_factory=dict)
    gates: Sequence[AnyGate] = ()
    again: int = 0
    gate_functions: Mapping[str, GateFunction] = field(default_factory=dict)

    budgets: Budgets | str | Path | None = None
    budget_store: Store | None = None
    cheaper: PolicyFile | str | Path | None = None

    log: Sink | str | Path | None = None
    metrics: RouterMetrics | None = None
    observers: Sequence[Observer] = ()
    trace_headers: bool = True
    explained: bool = False
    quiet: bool = False

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    rng: random.Random | None = None

    def __post_init__(self) -> None:
        if problems := tuple(_problems(self)):
            raise ConfigError(*problems)


def checked(
    call: str,
    config: RouterConfig | None,
    unknown: Mapping[str, object],
    besides: Sequence[str] = (),
) -> RouterConfig:
    """The config that a router was given, or one of defaults.

    Args:
        call: what was called, as users write it.
        unknown: arguments that it does not have.
        besides: arguments that it has besides the catalogue and the config.
    Raises:
        ConfigError: there are such arguments, with the place of each; or it is no config.
    """
    if unknown:
        fields = {name: f"config=RouterConfig({name}=...)" for name in RouterConfig.names()}
        raise misplaced(call, unknown, ("catalogue", "config", *besides), fields)
    if config is None:
        return RouterConfig()
    if not isinstance(config, RouterConfig):
        raise ConfigError(f"config={config!r:.80}: give {call}(..., config=RouterConfig(...))")
    return config


def check_catalogue(catalogue: object) -> None:
    """Refuse what is no catalogue.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(catalogue, Catalogue | str | Path | None):
        raise ConfigError(
            f"catalogue={value_text(catalogue)}: give a Catalogue or the path of a models.toml"
        )


def _problems(config: RouterConfig) -> Iterator[str]:
    ways = [it for it in ("client", "transport", "upstream") if getattr(config, it) is not None]
    if len(ways) > 1:
        yield f"{' and '.join(ways)} are given: give one of client, transport and upstream"
    if config.client is not None or config.transport is not None:
        from routelab.runtime.transport import sender  # importing the runtime stays quick

        yield from sender.problems(config.client, config.transport)
    if not (is_number(config.timeout_s) and config.timeout_s > 0.0):
        said = value_text(config.timeout_s)
        yield f"timeout_s={said}: give seconds above 0, math.inf for no limit"
    if config.rules is not None:
        yield from (
            f"rules: {problem}" for problem in engine_rules.engine_rule_problems(config.rules)
        )
    for name in ("signals", "gate_functions"):
        if not isinstance(value := getattr(config, name), Mapping):
            yield f"{name}={value!r:.80}: give a mapping by name"
    for name in ("gates", "observers"):
        value = getattr(config, name)
        if isinstance(value, str) or not isinstance(value, Sequence):
            yield f"{name}={value!r:.80}: give a list or tuple of {name}"
    if isinstance(config.gates, Sequence) and not isinstance(config.gates, str):
        for at, gate in enumerate(config.gates):
            if not isinstance(gate, Gate):
                yield f"gates[{at}]={value_text(gate)}: give a gate, such as routelab.gates.Json()"
    if isinstance(config.observers, Sequence) and not isinstance(config.observers, str):
        for at, observer in enumerate(config.observers):
            if not _does(observer, "finished"):
                yield f"observers[{at}]={value_text(observer)}: give an Observer, with finished"
    again = config.again
    if isinstance(again, bool) or not isinstance(again, int) or not 0 <= again <= MOST_AGAIN:
        yield f"again={value_text(again)}: give a whole number in [0, {MOST_AGAIN}]"
    if config.budgets is None:
        for name in ("budget_store", "cheaper"):
            if getattr(config, name) is not None:
                yield f"{name} serves budgets: give budgets=... too"
    elif not isinstance(config.budgets, Budgets | str | Path):
        yield f"budgets={config.budgets!r:.80}: give Budgets or the path of a budgets.toml"
    for name, kind, way, methods in _DOES:
        value = getattr(config, name)
        if not (value is None or isinstance(value, kind) or (methods and _does(value, *methods))):
            yield f"{name}={value_text(value)}: give {way}"
    share = config.limit_share
    if isinstance(share, LimitShare) and not 0 <= share.place < share.processes:
        yield f"limit_share={share}: give a place from 0, less than processes"
    for name in ("explained", "quiet", "trace_headers"):
        if not isinstance(value := getattr(config, name), bool):
            yield f"{name}={value_text(value)}: give True or False"
    if not (config.metrics is None or isinstance(config.metrics, RouterMetrics)):
        yield f"metrics={config.metrics!r:.80}: give RouterMetrics, or leave them out"
    for name in ("clock", "wall_clock", "sleep"):
        if not callable(value := getattr(config, name)):
            yield f"{name}={value!r:.80}: give a function"
    if not (config.rng is None or isinstance(config.rng, random.Random)):
        yield f"rng={config.rng!r:.80}: give a random.Random, such as random.Random(0)"


_DOES: tuple[tuple[str, tuple[type, ...], str, tuple[str, ...]], ...] = (
    ("upstream", (), "an Upstream, which has send, stream and hide", ("send",)),
    ("budget_store", (), "a Store, such as MemoryStore()", ("reserve", "settle", "kept")),
    ("log", (str, Path), "a folder, or a sink such as DecisionLog(...)", ("write", "keep_out")),
    ("limit_share", (LimitShare,), "a LimitShare, such as LimitShare(0, 4)", ()),
    ("cheaper", (PolicyFile, str, Path), "a policy that was loaded, or its directory", ()),
)
"""Fields that take some types or anything with some methods: those, what to give, the methods."""


def _does(value: object, *methods: str) -> bool:
    return not isinstance(value, type) and all(callable(getattr(value, it, None)) for it in methods)
