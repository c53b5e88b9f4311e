"""Simulate a day: the runtime as it is in production, on a virtual clock."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping
from typing import IO, Any

import anyio
import numpy as np

from routelab.core.catalogue import ROUTER_TIMEOUT_S, Catalogue
from routelab.core.progress import Progress
from routelab.core.request import Request
from routelab.core.table import Ints
from routelab.errors import RouteError
from routelab.logs.log import Log, Strings
from routelab.policy_file import PolicyFile
from routelab.replay.patience import Unwaited, unwaited
from routelab.runtime import AsyncRouter
from routelab.runtime.ask import options_of
from routelab.runtime.endpoints import endpoints
from routelab.runtime.gatekeeper import GateFunction
from routelab.runtime.journal.entry import record
from routelab.signals import as_logged
from routelab.simulate import virtual
from routelab.simulate.arrivals import Arrivals
from routelab.simulate.day import Day
from routelab.simulate.latency import Latency
from routelab.simulate.prepared import answered_by_log, check, located, prompts
from routelab.simulate.recorder import EventFile, Recorder, numbers
from routelab.simulate.sampler import Sampler
from routelab.simulate.scenario import NOTHING, Scenario
from routelab.simulate.upstream import SimulatedUpstream, Visit

SAMPLES = 240
"""Moments at which deployments are looked at."""


# Long: what a day consists of, then settings by name, each with a default.
def simulate(
    policy_file: PolicyFile,
    log: Log,
    arriving: Arrivals,
    latency: Latency,
    *,
    scenario: Scenario = NOTHING,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    timeout_s: float = ROUTER_TIMEOUT_S,
    events: IO[bytes] | None = None,
    latency_known: bool = True,
    stream: bool = False,
    progress: Progress | None = None,
    gate_functions: Mapping[str, GateFunction] | None = None,
    **options: Any,
) -> Day:
    """Route a log's requests as they arrive, each answered by what the log holds.

    Costs, signals and quality are the log's. The same arguments give the same day, and the same
    bytes of events.

    Args:
        arriving: requests of this log.
        latency: how long deployments work on answers.
        scenario: what goes wrong.
        catalogue: goes before the policy's; deployments, limits and rules of the engine.
        seed: of everything random that is not the policy's own.
        events: takes a line for every finished request, as a decision log has.
        latency_known: whether latencies mean anything.
        stream: callers take answers as they come, so that a final answer that breaks off is lost.
        progress: told of finished requests.
        gate_functions: as `AsyncRouter` has them; they take no virtual time unless they sleep.
        options: of `AsyncRouter`; budgets are kept in memory, and their periods are those of
            the calendar from `arriving.starts_s` on.
    Raises:
        SimulationError: the log lacks outcomes of a model, or prompts that the policy reads.
        CatalogueError, PolicyError: as `AsyncRouter`.
    """
    known = answered_by_log(endpoints(policy_file, located(policy_file, catalogue)))
    check(policy_file, log, known)
    day = _Day(policy_file, log, arriving, latency, scenario, known, seed, events, progress, stream)
    gates = {name: _inline(function) for name, function in (gate_functions or {}).items()}
    return virtual.run(
        day.simulated(timeout_s, latency_known, {**options, "gate_functions": gates})
    )


class _Day:
    """One policy's day."""

    # Long: what `simulate` was given, with its defaults filled in.
    def __init__(
        self,
        policy_file: PolicyFile,
        log: Log,
        arriving: Arrivals,
        latency: Latency,
        scenario: Scenario,
        catalogue: Catalogue,
        seed: int,
        events: IO[bytes] | None,
        progress: Progress | None,
        stream: bool,
    ) -> None:
        self._stream = stream
        self._policy = policy_file
        self._log = log
        self._arriving = arriving
        self._latency = latency
        self._scenario = scenario
        self._catalogue = catalogue
        self._seed = seed
        self._events = events
        self._progress = progress
        self._places: dict[str, int] = {}
        self._recorder = Recorder(self._places, tuple(catalogue.models), len(arriving))
        self._prompts = prompts(policy_file, log)

    async def simulated(
        self, timeout_s: float, latency_known: bool, options: dict[str, Any]
    ) -> Day:
        arriving, recorder = self._arriving, self._recorder
        clock = asyncio.get_running_loop().time
        gated = bool(self._policy.policy.gates_used or options.get("gates"))
        upstream = self._upstream(clock, gated=gated)
        router = AsyncRouter(
            self._policy,
            catalogue=self._catalogue,
            upstream=upstream,
            signals=as_logged(self._policy.policy.signals_used),
            quiet=True,
            timeout_s=timeout_s,
            clock=clock,
            wall_clock=lambda: arriving.starts_s + clock(),
            rng=random.Random(self._seed),  # noqa: S311  (repeatable on purpose)
            log=None if self._events is None else EventFile(self._events),
            observers=(recorder, *options.pop("observers", ())),
            **options,
        )
        every_s = max(1e-9, arriving.duration_s / SAMPLES)
        sampler = Sampler(router.engine, upstream, self._catalogue, every_s)
        async with router, asyncio.TaskGroup() as tasks:
            tasks.create_task(sampler.sample_until(self._over))
            for place, at_s in enumerate(arriving.at_s.tolist()):
                if (wait_s := at_s - clock()) > 0.0:
                    await asyncio.sleep(wait_s)
                tasks.create_task(self._one(router, upstream, place))
        slow = unwaited(
            self._log, self._catalogue, timeout_s=timeout_s, latency_s=self._latency.usual_s
        )
        return self._day(upstream, sampler, latency_known, slow)

    def _over(self) -> bool:
        return self._recorder.done == len(self._arriving)

    async def _one(self, router: AsyncRouter, upstream: SimulatedUpstream, place: int) -> None:
        row, nth = int(self._arriving.rows[place]), int(self._arriving.nth[place])
        request = self._log.requests.request(row)
        key = f"{request.id}~{nth}" if nth else request.id
        self._places[key], upstream.visits[key] = place, Visit(row)
        asked: dict[str, Any] = {
            "messages": "" if self._prompts is None else self._prompts[row],
            **options_of(request),
            "id": key,
        }
        try:
            await (_streamed(router, asked) if self._stream else router.route(**asked))
        except RouteError:
            pass  # the recorder has heard why
        finally:
            del self._places[key], upstream.visits[key]
        if self._progress is not None and self._recorder.done % 64 == 0:
            self._progress(self._recorder.done, len(self._arriving))

    def _upstream(self, clock: Callable[[], float], *, gated: bool) -> SimulatedUpstream:
        models = {
            (it.base_url, it.model): name
            for name, model in self._catalogue.models.items()
            for it in model.deployments
        }
        return SimulatedUpstream(
            self._log,
            self._latency,
            self._scenario,
            models,
            clock=clock,
            seed=self._seed,
            texts=self._policy.policy.reads_answers or gated,
        )

    def _day(
        self,
        upstream: SimulatedUpstream,
        sampler: Sampler,
        latency_known: bool,
        slow_answers: tuple[Unwaited, ...],
    ) -> Day:
        recorder, rows = self._recorder, self._arriving.rows
        status = recorder.statuses()
        return Day(
            policy=self._policy.name,
            starts_s=self._arriving.starts_s,
            arrived_s=self._arriving.at_s,
            rows=rows,
            latency_s=numbers(recorder.latency_s),
            latency_known=latency_known,
            cost_usd=numbers(recorder.cost_usd),
            quality=numbers(recorder.quality),
            answered=np.asarray(status == "answered"),
            status=status,
            model=recorder.answering(),
            tenant=_of(self._log.requests.tenant, rows),
            priority=_of(self._log.requests.priority, rows),
            calls=np.asarray(recorder.calls, dtype=np.int64),
            attempts=np.asarray(recorder.attempts, dtype=np.int64),
            tries=upstream.tries,
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


async def _streamed(router: AsyncRouter, asked: dict[str, Any]) -> None:
    async with router.stream(**asked) as answer:
        async for _ in answer:
            pass


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
