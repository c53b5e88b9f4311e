"""One of a server's processes that answer: `python -m routelab.serve.workers.worker DESCRIPTOR`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from typing import Any

import msgspec

from routelab.errors import RoutelabError
from routelab.serve.callers import Identity
from routelab.serve.event_log import EventLog
from routelab.serve.peers import GatewayFigures, PeerExchange, WorkerPeers, WorkerSeat
from routelab.serve.server import GatewayServer
from routelab.serve.service import Service
from routelab.serve.workers.control import WorkerNews, WorkerTask

_KEPT_S = 1.0
"""Between two times that a process writes its figures down: so much of them may go with it."""
UNFIT = 3
"""Exit status of a process that said why it cannot serve."""


class InheritedSocket(socket.socket):
    """A socket that listens already: how many may wait is for the process that opened it to say."""

    def listen(self, backlog: int = 0, /) -> None:
        """It does."""


class WorkerServer(GatewayServer):
    """Serves from a socket that others serve from too, and answers their questions.

    Args:
        service: to serve.
        seat: among the others.
        control: to the process that started this one; where that ends, this one does.
        host: that the server listens on.
    """

    def __init__(
        self, service: Service, seat: WorkerSeat, control: socket.socket, host: str
    ) -> None:
        super().__init__(service, self._tell_ready, host=host, shared=True)
        self.config.backlog = 1  # connections taken at a time, so that the others get some
        handlers = {**self.app.peer_handlers, "figures": self._told_figures}
        self._exchange = PeerExchange(seat.socket(seat.number), seat.name, handlers)
        self._control = control
        self._keeping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._exchange.__aenter__()
        asyncio.get_running_loop().add_reader(self._control, self._hear)
        self._keeping = asyncio.create_task(self._keep())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self._keeping is not None:
            self._keeping.cancel()
        asyncio.get_running_loop().remove_reader(self._control)
        await self._told_figures({}, Identity())  # which count on, as those of one that is gone
        await self._exchange.__aexit__()

    async def _told_figures(self, _: dict[str, Any], __: Identity) -> GatewayFigures:
        peers, figures = self.service.peers, await self.app.figures()
        assert isinstance(peers, WorkerPeers)
        await peers.keep(figures)
        return figures

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_KEPT_S)
            await self._told_figures({}, Identity())

    def _hear(self) -> None:
        """Nothing is said on this way: it ends with the process at the other end."""
        with contextlib.suppress(BlockingIOError):
            if self._control.recv(64):
                return
        asyncio.get_running_loop().remove_reader(self._control)
        self.stop()

    def _tell_ready(self) -> None:
        _tell(self._control, WorkerNews())


def work(descriptor: int) -> int:
    """Serve what the process at the other end of a socket asks for; the exit status."""
    with socket.socket(fileno=descriptor) as control:
        with control.makefile("rb") as lines:
            task = msgspec.json.decode(lines.readline(), type=WorkerTask)
        events = EventLog(task.config.log_requests, always={"worker": task.seat.number})
        listening = InheritedSocket(fileno=task.listening)

        async def run() -> None:
            given: dict[str, Any] = {"events": events, "seat": task.seat}
            async with Service(task.policies, task.catalogue, task.config, **given) as service:
                server = WorkerServer(service, task.seat, control, task.host)
                await server.serve(sockets=[listening])
            events.event("stopped")

        try:
            asyncio.run(run())
        except RoutelabError as error:
            _tell(control, WorkerNews(error.problems))
            return UNFIT
    return 0


def _tell(control: socket.socket, news: WorkerNews) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        control.sendall(msgspec.json.encode(news) + b"\n")


if __name__ == "__main__":
    sys.exit(work(int(sys.argv[1])))
