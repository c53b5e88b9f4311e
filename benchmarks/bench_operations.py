"""What the decision log, the metrics and the budgets add to a request.

Times of single operations are processor time of the thread that routes. What the log's own
thread does is told apart, as records a second.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from routelab.core import Attempt, Call, Feedback, Request, Step
from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, PolicyFile, write
from routelab.runtime import AsyncRouter, DecisionLog, FinishedRequest, Reply, RouterConfig
from routelab.runtime.budgets import (
    BudgetLine,
    BudgetRule,
    Budgets,
    MemoryStore,
    Reservation,
    SqliteStore,
    Store,
)
from routelab.runtime.metrics import RouterMetrics

N = 2_000
TURNS = 20
TARGET_US = 10.0
LINES = (
    BudgetLine("all", "2026-11-24", 1 << 60, (1, 2, 3)),
    BudgetLine("tenant a", "2026-11-24", 1 << 60, (1, 2, 3)),
)


def cascade(number: int) -> FinishedRequest:
    """A request of two calls, one of which was tried twice."""
    steps = tuple(
        Step(
            Call(model, ("confidence",)),
            Feedback(
                model,
                {"confidence": 0.5},
                cost_usd=0.001,
                latency_s=0.4,
                deployment="m at http://host/v1",
                attempts=tuple(
                    Attempt(
                        model,
                        f"m at http://host-{at}/v1",
                        latency_s=0.3,
                        prompt_tokens=100.0,
                        completion_tokens=50.0,
                        cost_usd=0.001,
                    )
                    for at in range(1 + turn)
                ),
            ),
            0.8,
            turn=turn,
        )
        for turn, model in enumerate(("small", "large"))
    )
    messages = ({"role": "user", "content": f"{number} " + "word " * 200},)
    return FinishedRequest(
        request=Request(f"r{number}", messages, tenant=f"t{number % 50}"),
        policy="0" * 64,
        status="answered",
        timestamp_s=1.8e9,
        latency_s=0.8,
        cost_usd=0.003,
        steps=steps,
        answer=steps[-1].feedback,
    )


def each_us(work: Callable[[FinishedRequest], None], requests: list[FinishedRequest]) -> float:
    """Median over rounds of the microseconds a request."""
    rounds = []
    for _ in range(5):
        begun = time.thread_time()
        for request in requests:
            work(request)
        rounds.append(1e6 * (time.thread_time() - begun) / len(requests))
    return statistics.median(rounds)


def snapped_ms(requests: list[FinishedRequest]) -> float:
    """Milliseconds for a snapshot of metrics over latencies from 10 ms to 100 s."""
    metrics, rng = RouterMetrics(), random.Random(0)
    for _ in range(5):
        for request in requests:
            latency_s = 10.0 ** rng.uniform(-2, 2)
            metrics.finished(msgspec.structs.replace(request, latency_s=latency_s))
    begun = time.thread_time()
    metrics.snapshot()
    return 1e3 * (time.thread_time() - begun)


def logged(requests: list[FinishedRequest]) -> tuple[float, float, float]:
    """Microseconds to queue a record and, of the log's thread, to write it; records a second."""
    with tempfile.TemporaryDirectory() as folder:
        log = DecisionLog(folder, max_queued=len(requests) * 10)
        queue_us = each_us(log.write, requests)
        log.close()
        log = DecisionLog(folder, max_queued=len(requests) * 10)
        begun, all_s, own_s = time.perf_counter(), time.process_time(), time.thread_time()
        for request in requests * 5:
            log.write(request)
        log.close()
        count, taken_s = 5 * len(requests), time.perf_counter() - begun
        thread_s = time.process_time() - all_s - (time.thread_time() - own_s)
        return queue_us, 1e6 * thread_s / count, count / taken_s


async def reserved_us(store: Store) -> float:
    """Microseconds to reserve and settle, one request after the other."""
    times = []
    for _ in range(N):
        begun = time.perf_counter()
        hold = await store.reserve(LINES, 1000)
        assert isinstance(hold, Reservation)
        store.settle(hold, 900)
        times.append(1e6 * (time.perf_counter() - begun))
    await store.aclose()
    return statistics.median(times)


async def reserved_per_s(store: Store) -> float:
    """Reservations a second that 32 requests at once make and settle."""

    async def worker() -> None:
        for _ in range(N // 32):
            hold = await store.reserve(LINES, 1000)
            assert isinstance(hold, Reservation)
            store.settle(hold, 900)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(32)))
    await store.balances(("2026-11-24",))
    taken = time.perf_counter() - begun
    await store.aclose()
    return N / taken


class Canned:
    """Answers at once."""

    async def send(self, asked: object) -> Reply:
        usage = {"prompt_tokens": 100, "completion_tokens": 100}
        return Reply(200, {"choices": [{"message": {"content": "yes"}}], "usage": usage})

    def hide(self, deployment: Deployment, text: str) -> str:
        return text


async def routed_us(chosen: PolicyFile, folder: Path) -> tuple[float, dict[str, float]]:
    """Microseconds of `route` over an upstream that answers at once, and what else adds to them.

    All take turns, since how fast the machine is changes within seconds: medians of the turns.
    """
    budgets = Budgets(all=BudgetRule(1e6), tenant=BudgetRule(1e5))
    ways = {
        "bare": {"metrics": Deaf()},
        "metrics": {},
        "log": {"metrics": Deaf(), "log": folder / "log"},
        "budgets": {"metrics": Deaf(), "budgets": budgets},
        "all": {"log": folder / "all", "budgets": budgets},
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    async with AsyncExitStack() as stack:
        routers = {
            name: await stack.enter_async_context(
                AsyncRouter(
                    chosen,
                    chosen.document.catalogue,
                    config=RouterConfig(upstream=Canned(), **options),
                )
            )
            for name, options in ways.items()
        }
        for turn in range(TURNS + 1):
            for name, router in routers.items():
                times = []
                for number in range(N // 10):
                    begun = time.perf_counter()
                    await router.route("word " * 200, tenant=f"t{number % 50}", max_tokens=100)
                    times.append(1e6 * (time.perf_counter() - begun))
                if turn:  # the first one warms up
                    taken[name].append(statistics.median(times))
    bare = taken.pop("bare")
    added = {
        name: statistics.median(more - less for more, less in zip(times, bare, strict=True))
        for name, times in taken.items()
    }
    return statistics.median(bare), added


class Deaf(RouterMetrics):
    """Counts nothing: what a router would be without metrics."""

    def finished(self, finished: FinishedRequest) -> None:
        pass


def policy(folder: Path) -> PolicyFile:
    priced = Model(0.1, 0.4, deployments=(Deployment("http://a.test/v1", "m"),))
    document = Document(
        name="bench",
        policy=to_wire(Fixed("small")),
        candidates=("small",),
        catalogue=Catalogue({"small": priced}),
    )
    return write(folder / "bench.policy", document, "# bench\n")


def run() -> Iterator[tuple[str, float, str, bool]]:
    requests = [cascade(number) for number in range(N)]
    figures_us = each_us(RouterMetrics().finished, requests)
    yield "operations.figures_us", figures_us, "<= 20 us for two calls", figures_us <= 20.0
    snapshot_ms = snapped_ms(requests)
    yield "operations.snapshot_ms", snapshot_ms, "<= 20 ms with 50 tenants", snapshot_ms <= 20.0
    queue_us, thread_us, per_s = logged(requests)
    yield "operations.log_queue_us", queue_us, f"<= {TARGET_US:g} us", queue_us <= TARGET_US
    yield "operations.log_thread_us", thread_us, "<= 40 us for two calls", thread_us <= 40.0
    yield "operations.log_records_per_s", per_s, ">= 10000", per_s >= 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        memory_us = asyncio.run(reserved_us(MemoryStore()))
        yield "operations.budget_memory_us", memory_us, "<= 10 us", memory_us <= TARGET_US
        sqlite_us = asyncio.run(reserved_us(SqliteStore(folder / "one.sqlite")))
        yield "operations.budget_sqlite_us", sqlite_us, "<= 500 us", sqlite_us <= 500.0
        sqlite_per_s = asyncio.run(reserved_per_s(SqliteStore(folder / "many.sqlite")))
        ok = sqlite_per_s >= 5_000
        yield "operations.budget_sqlite_per_s_at_32", sqlite_per_s, ">= 5000", ok
        chosen = policy(folder)
        bare_us, added = asyncio.run(routed_us(chosen, folder))
        yield "operations.route_bare_us", bare_us, "none: the others are beside it", True
        for what, added_us in added.items():
            yield f"operations.route_adds_us_{what}", added_us, "<= 60 us", added_us <= 60.0
