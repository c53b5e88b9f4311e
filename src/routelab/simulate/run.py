"""Simulate a day: the runtime as it is in production, on a virtual clock."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Never

import anyio
import numpy as np
from msgspec import structs

from routelab.core import Ints, Message, Request
from routelab.core.catalogue import Catalogue
from routelab.core.conversation import prompted
from routelab.errors import RouteError
from routelab.logs.model import Log, Strings
from routelab.policy_file import PolicyFile, check_loaded
from routelab.replay import TimedOutAnswers, timed_out_answers
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig
from routelab.runtime.calls import GateFunction
from routelab.runtime.journal import record
from routelab.runtime.requests import deployed_models
from routelab.signals import as_logged
from routelab.simulate import virtual
from routelab.simulate.arrivals import Arrivals
from routelab.simulate.checks import answered_by_log, check, located, messages
from routelab.simulate.day import Day
from routelab.simulate.latency import LatencyModel
from routelab.simulate.options import SimulationOptions, checked
from routelab.simulate.recorder import EventFile, Recorder, numbers
from routelab.simulate.sampler import Sampler
from routelab.simulate.upstream import SimulatedUpstream, Visit

SAMPLES = 240
"""Moments at which deployments are looked at."""


def simulate(
    policy: PolicyFile,
    log: Log,
    arriving: Arrivals,
    latency: LatencyModel,
    catalogue: Catalogue | None = None,
    options: SimulationOptions | None = None,
    **unknown: Never,
) -> Day:
    """Route a log's requests as they arrive, each answered by what the log holds.

    Costs, signals and quality are the log's. The same arguments give the same day, and the same
    bytes of events.

    >>> import routelab
    >>> from routelab.simulate import arrivals, latency, simulate
    >>> log = routelab.read("datasets/sample.parquet")
    >>> day = simulate(
    ...     routelab.load("mine.policy"),
    ...     log,
    ...     arrivals(log, "poisson:2", requests=200, seed=1),
    ...     latency(log, "logged"),
    ... )
    >>> print(day.answered.sum(), day.struck_share)  # nothing went wrong on this day
    200 0.0
    >>> f"{day.latency_s.mean():.1f} virtual seconds"
    '4.0 virtual seconds'

    Args:
        policy: what `routelab.load` gives.
        log: complete rows of the policy's models.
        arriving: requests of this log.
        latency: how long deployments work on answers.
        catalogue: goes before the policy's; deployments, limits and rules of the engine.
        options: what goes wrong, how the router works, and the seed.
    Raises:
        SimulationError: the log lacks outcomes of a model, or prompts that the policy reads.
        CatalogueError, PolicyError: as `AsyncRouter`; a path is to be loaded first.
        ConfigError: an unknown argument, or one that is a field of the options.
    """
    options = checked(options, unknown)
    check_loaded("simulate", policy)
    known = answered_by_log(deployed_models(policy, located(policy, catalogue)))
    check(policy, log, known)
    return virtual.run(_Day(policy, log, arriving, latency, known, options).simulated())


class _Day:
    """One policy's day.

    Args:
        catalogue: of the models that are called, each with a deployment.
    """

    def __init__(
        self,
        policy: PolicyFile,
        log: Log,
        arriving: Arrivals,
        latency: LatencyModel,
        catalogue: Catalogue,
        options: SimulationOptions,
    ) -> None:
        self._policy = policy
        self._log = log
        self._arriving = arriving
        self._latency = latency
        self._catalogue = catalogue
        self._options = options
        self._places: dict[str, int] = {}
        self._recorder = Recorder(self._places, tuple(catalogue.models), len(arriving))
        priced = options.config.budgets is not None
        self._messages = messages(policy, log, catalogue, priced=priced)

    async def simulated(self) -> Day:
        arriving, config = self._arriving, self._options.config
        clock = asyncio.get_running_loop().time
        upstream = self._upstream(clock)
        router = AsyncRouter(self._policy, self._catalogue, self._config(clock, upstream))
        every_s = max(1e-9, arriving.duration_s / SAMPLES)
        sampler = Sampler(router.engine, upstream, self._catalogue, every_s)
        async with router, asyncio.TaskGroup() as tasks:
            tasks.create_task(sampler.sample_until(self._over))
            for place, at_s in enumerate(arriving.at_s.tolist()):
                if (wait_s := at_s - clock()) > 0.0:
                    await asyncio.sleep(wait_s)
                tasks.create_task(self._one(router, upstream, place))
        slow = timed_out_answers(
            self._log,
            self._catalogue,
            timeout_s=config.timeout_s,
            latency_s=self._latency.usual_s,
        )
        return self._day(upstream, sampler, slow)

    def _config(self, clock: Callable[[], float], upstream: SimulatedUpstream) -> RouterConfig:
        """The router's config with all that a simulation sets."""
        config, events = self._options.config, self._options.events
        return replace(
            config,
            upstream=upstream,
            signals=as_logged(self._policy.policy.signals_used),
            gate_functions={
                name: _inline(function) for name, function in config.gate_functions.items()
            },
            quiet=True,
            clock=clock,
            wall_clock=lambda: self._arriving.starts_s + clock(),
            rng=random.Random(self._options.seed),  # noqa: S311  (repeatable on purpose)
            log=None if events is None else EventFile(events),
            observers=(self._recorder, *config.observers),
        )

    def _over(self) -> bool:
        return self._recorder.done == len(self._arriving)

    async def _one(self, router: AsyncRouter, upstream: SimulatedUpstream, place: int) -> None:
        row, nth = int(self._arriving.rows[place]), int(self._arriving.nth[place])
        request = self._log.requests.request(row)
        if nth:
            request = structs.replace(request, id=f"{request.id}~{nth}")
        key, said = request.id, prompted("") if self._messages is None else self._messages[row]
        self._places[key], upstream.visits[key] = place, Visit(row)
        asked = RequestOptions.of(request)
        try:
            if self._options.stream:
                await _streamed(router, said, asked)
            else:
                await router.route(said, asked)
        except RouteError:
            pass  # the recorder has heard why
        finally:
            del self._places[key], upstream.visits[key]
        progress = self._options.progress
        if progress is not None and self._recorder.done % 64 == 0:
            progress(self._recorder.done, len(self._arriving))

    def _upstream(self, clock: Callable[[], float]) -> SimulatedUpstream:
        policy = self._policy.policy
        gated = bool(policy.gates_used or self._options.config.gates)
        models: dict[tuple[str, str], list[str]] = {}
        for name, model in self._catalogue.models.items():
            for key in {(it.base_url, it.model): None for it in model.deployments}:
                models.setdefault(key, []).append(name)
        return SimulatedUpstream(
            self._log,
            self._latency,
            self._options.scenario,
            models,
            self._catalogue,
            clock=clock,
            seed=self._options.seed,
            texts=policy.reads_answers or gated,
        )

    def _day(
        self,
        upstream: SimulatedUpstream,
        sampler: Sampler,
        slow_answers: tuple[TimedOutAnswers, ...],
    ) -> Day:
        recorder, rows = self._recorder, self._arriving.rows
        status = recorder.statuses()
        return Day(
            policy=self._policy.name,
            starts_s=self._arriving.starts_s,
            arrived_s=self._arriving.at_s,
            rows=rows,
            latency_s=numbers(recorder.latency_s),
            latency_known=self._options.latency_known,
            cost_usd=numbers(recorder.cost_usd),
            quality=numbers(recorder.quality),
            answered=np.asarray(status == "answered"),
            status=status,
            model=recorder.answering(),
            tenant=_of(self._log.requests.tenant, rows),
            priority=_of(self._log.requests.priority, rows),
            calls=np.asarray(recorder.calls, dtype=np.int64),
            attempts=np.asarray(recorder.attempts, dtype=np.int64),
            n_attempts=upstream.n_attempts,
            struck=upstream.struck.total(),
            every_s=sampler.every_s,
            sampled=sampler.sampled(),
            waiting=sampler.waiting(),
            simulated_s=anyio.current_time(),
            worked=recorder.tallies.worked(self._catalogue, upstream.struck, upstream.unwaited_usd),
            slow_answers=slow_answers,
            slowest=tuple(map(record, recorder.remembered.slowest())),
            failures=tuple(map(record, recorder.remembered.failed)),
        )


async def _streamed(router: AsyncRouter, said: tuple[Message, ...], asked: RequestOptions) -> None:
    async with router.stream(said, asked) as answer:
        async for _ in answer:
            pass
        await answer.settled()  # what it cost, which slow models tell late


def _of(column: Strings | None, rows: Ints) -> Strings:
    if column is None:
        return np.full(len(rows), "", dtype=object)
    return np.asarray(column[rows])


def _inline(function: GateFunction) -> GateFunction:
    """A gate's function as a coroutine function, since a virtual clock waits for no thread."""
    if inspect.iscoroutinefunction(function):
        return function

    async def called(request: Request, text: str) -> str | None:
        said = function(request, text)
        return await said if inspect.isawaitable(said) else said

    return called
