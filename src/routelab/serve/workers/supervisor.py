"""Starts the processes of a server, replaces those that die, and ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
from msgspec import structs

from routelab.errors import RoutelabError
from routelab.runtime import base_url, listening_socket
from routelab.serve.config import ServeConfig
from routelab.serve.event_log import EventLog
from routelab.serve.peers import FigureStore, SlotTable, WorkerSeat
from routelab.serve.workers.control import WorkerNews, WorkerTask

_DIVIDED = (
    "limits of deployments in the catalogue are divided among the processes; breakers are each"
    " one's own"
)
_MINUTE_S = 60.0
_MARGIN_S = 15.0
"""Beyond what requests under way are given, until a process that is told to stop is ended."""


class WorkerProcess(NamedTuple):
    """A process that answers.

    Attributes:
        seat: its place.
        process: as the system has it.
        control: to it; it ends where this is closed.
    """

    seat: WorkerSeat
    process: asyncio.subprocess.Process
    control: socket.socket

    @classmethod
    async def start(cls, task: WorkerTask) -> Self:
        """Start one; what it says is on the same standard error as this process's."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "routelab.serve.workers.worker", str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), task.listening),
                process_group=0,  # Ctrl-C is this process's to hear, which tells them once
            )  # fmt: skip
        ours.setblocking(False)
        with contextlib.suppress(OSError):  # it has ended already, which is seen elsewhere
            await asyncio.get_running_loop().sock_sendall(ours, msgspec.json.encode(task) + b"\n")
        return cls(task.seat, process, ours)

    async def news(self) -> WorkerNews | None:
        """Whether it serves, or why it cannot; None where it ended without a word."""
        loop, held = asyncio.get_running_loop(), b""
        with contextlib.suppress(OSError):
            while not held.endswith(b"\n"):
                part = await loop.sock_recv(self.control, 65_536)
                if not part:
                    return None
                held += part
        return msgspec.json.decode(held, type=WorkerNews) if held else None

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


def serve_workers(
    policies: Sequence[str | Path],
    catalogue: str | Path,
    config: ServeConfig,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve with `config.workers.count` processes, until SIGTERM or Ctrl-C.

    A second one ends the requests under way too.

    Args:
        policies: directories.
        catalogue: the `models.toml`.
        config: everything else.
        host: address to listen on.
        port: 0 takes a free one.
        ready: called with the base URL, with `/v1`, once all processes serve.
    Raises:
        RoutelabError: the port is taken or none, or the host is not this machine's; what the
            gateway says of its files; or processes die faster than they may be replaced.
    """
    if sys.platform == "win32":
        raise RoutelabError("several workers share a socket, which Windows cannot: use one")
    with (
        listening_socket(host, port) as listening,
        _grpc_port(host, config) as config,
        tempfile.TemporaryDirectory(prefix="routelab-", ignore_cleanup_errors=True) as folder,
    ):
        task = WorkerTask(
            tuple(str(Path(it).absolute()) for it in policies),
            str(Path(catalogue).absolute()),
            _shared(config, Path(folder)),
            WorkerSeat(folder, 0, config.workers.count, ""),
            listening.fileno(),
            host,
        )
        supervisor = Supervisor(task, listening, EventLog())
        asyncio.run(supervisor.run(lambda: ready(base_url(host, listening))))


class Supervisor:
    """The process that starts the others.

    Attributes:
        workers: by place.

    Args:
        task: theirs, but for the place.
        listening: that all of them accept connections from.
        events: where what happens is written.
    """

    def __init__(self, task: WorkerTask, listening: socket.socket, events: EventLog) -> None:
        self.workers: dict[int, WorkerProcess] = {}
        self._task = task
        self._listening = listening
        self._events = events
        self._tables = [
            SlotTable(task.seat.slots(it), task.seat.count) for it in ("limits", "requests")
        ]
        self._store = FigureStore(Path(task.seat.folder))
        self._born = 0
        self._restarts: deque[float] = deque()
        self._serving: set[int] = set()
        self._told = 0
        self._stopping = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until told to stop.

        Args:
            ready: called once all processes serve.
        Raises:
            RoutelabError: the processes cannot serve, or cannot be kept alive.
        """
        with self._signals():
            try:
                await self._start()
                if not self._stopping.is_set():
                    self._events.event("workers", count=self._task.seat.count, message=_DIVIDED)
                    ready()
                    await self._keep()
            finally:
                await self._stop()
        self._events.event("stopped")

    async def _start(self) -> None:
        """Start every process; says what is wrong with the files once, whoever says it first."""
        count = self._task.seat.count
        found = await asyncio.gather(*(self._begun(number) for number in range(count)))
        waiting = [asyncio.create_task(self._checked(it)) for it in found]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while waiting and not stopping.done():
                done, _ = await asyncio.wait(
                    [*waiting, stopping], return_when=asyncio.FIRST_COMPLETED
                )
                waiting = [it for it in waiting if it not in done]
                ended = [it.exception() for it in done - {stopping}]  # all, or Python tells of them
                for error in filter(None, ended):
                    raise error
        finally:
            for task in (*waiting, stopping):
                task.cancel()
            await asyncio.gather(*waiting, stopping, return_exceptions=True)

    async def _checked(self, worker: WorkerProcess) -> None:
        """Wait until a process serves.

        Raises:
            RoutelabError: it cannot.
        """
        news = await worker.news()
        if news is None:
            status = await worker.process.wait()
            if not self._stopping.is_set():
                raise RoutelabError(
                    f"worker {worker.seat.number} {_ended(status)} before it served; what it"
                    " wrote above says why"
                )
        elif news.problems:
            raise RoutelabError(*news.problems)
        else:
            self._serving.add(worker.seat.number)

    async def _begun(self, number: int) -> WorkerProcess:
        self._born += 1
        seat = structs.replace(self._task.seat, number=number, name=f"{self._born}")
        worker = await WorkerProcess.start(structs.replace(self._task, seat=seat))
        self.workers[number] = worker
        return worker

    async def _keep(self) -> None:
        """Replace processes that die, until told to stop."""
        self._keepers = [
            asyncio.create_task(self._kept(number)) for number in range(self._task.seat.count)
        ]
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait(
            [*self._keepers, stopping], return_when=asyncio.FIRST_COMPLETED
        )
        stopping.cancel()
        for keeper in self._keepers:
            keeper.cancel()
        for it in done - {stopping}:
            it.result()

    async def _kept(self, number: int) -> None:
        """Have a process in a place, as long as they do not die faster than they may.

        Raises:
            RoutelabError: they do, and none is left.
        """
        while True:
            worker = self.workers[number]
            status = await worker.process.wait()
            self._bury(worker, status)
            await self._room(number)
            fresh = await self._begun(number)
            try:
                await self._checked(fresh)
            except RoutelabError as error:
                self._events.event(
                    "worker not replaced", "error", worker=number, problems=error.problems
                )
            else:
                self._events.event("worker replaced", worker=number, pid=fresh.process.pid)

    def _bury(self, worker: WorkerProcess, status: int) -> None:
        """Nothing of a process is under way any more, and what it counted is kept."""
        number = worker.seat.number
        self._serving.discard(number)
        worker.control.close()
        for table in self._tables:
            table.clear(number)
        self._store.fold(worker.seat.name)
        self._events.event(
            "worker died", "error", worker=number, pid=worker.process.pid, how=_ended(status)
        )

    async def _room(self, number: int) -> None:
        """Wait until another process may be started.

        Raises:
            RoutelabError: none is left that serves, and none may be started.
        """
        most = self._task.config.workers.restarts_per_minute
        while True:
            now_s = time.monotonic()
            while self._restarts and self._restarts[0] <= now_s - _MINUTE_S:
                self._restarts.popleft()
            if len(self._restarts) < most:
                self._restarts.append(now_s)
                return
            if not self._serving:
                raise RoutelabError(
                    f"workers die as they are started, {most} in the last minute, and none is"
                    " left: what they wrote above says why"
                )
            wait_s = self._restarts[0] + _MINUTE_S - now_s
            self._events.event(
                "worker not replaced", "error", worker=number, retry_after_s=round(wait_s, 1),
                problems=[f"{most} were replaced in the last minute, which is as many as may be"],
            )  # fmt: skip
            await asyncio.sleep(wait_s)

    async def _stop(self) -> None:
        """End every process, once its requests are over or their time is."""
        self._listening.close()
        workers = list(self.workers.values())
        for worker in workers:
            worker.signal(signal.SIGTERM)
        ending = [asyncio.create_task(it.process.wait()) for it in workers]
        if ending:
            patience_s = 2.0 * self._task.config.drain_s + _MARGIN_S
            _, late = await asyncio.wait(ending, timeout=patience_s)
            if late:
                self._events.event("workers killed", "error", count=len(late))
                for worker in workers:
                    worker.signal(signal.SIGKILL)
                await asyncio.wait(late)
        for worker in workers:
            worker.control.close()
        for table in self._tables:
            table.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handled = {
            signal.SIGTERM: self._told_to_stop,
            signal.SIGINT: self._told_to_stop,
            signal.SIGHUP: self._told_to_reload,
        }
        for number, handler in handled.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)

    def _told_to_stop(self) -> None:
        self._told += 1
        self._stopping.set()
        if self._told > 1:  # the first is passed on as all are ended
            for worker in self.workers.values():
                worker.signal(signal.SIGTERM)

    def _told_to_reload(self) -> None:
        for number in self._serving:
            self.workers[number].signal(signal.SIGHUP)


def _shared(config: ServeConfig, folder: Path) -> ServeConfig:
    """Settings of each process: relative paths are the same for all, and so is what was spent."""
    if config.budgets and not config.budget_store:  # lost with the server, as one in memory is
        return structs.replace(config, budget_store=str(folder / "spent.sqlite"))
    return config


@contextmanager
def _grpc_port(host: str, config: ServeConfig) -> Iterator[ServeConfig]:
    """Settings with the port of gRPC, which is held while its processes come and go.

    Raises:
        RoutelabError: it is taken.
    """
    if config.grpc.port is None:
        yield config
        return
    try:
        with listening_socket(host, config.grpc.port) as tried:  # nobody else is to share it
            family, address = tried.family, tried.getsockname()
    except RoutelabError as error:
        raise RoutelabError(*(f"grpc: {it}" for it in error.problems)) from error
    with socket.socket(family) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
        yield structs.replace(config, grpc=structs.replace(config.grpc, port=address[1]))


def _ended(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-status).name}"
    return f"was killed by signal {-status}"
