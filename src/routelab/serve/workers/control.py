"""What a server's first process and the others say to each other: a line of JSON each."""

from __future__ import annotations

import msgspec

from routelab.serve.config import ServeConfig
from routelab.serve.peers import WorkerSeat


class WorkerTask(msgspec.Struct, frozen=True):
    """What a process is to serve.

    Attributes:
        policies: directories.
        catalogue: the `models.toml`.
        config: everything else.
        seat: its place among the others.
        listening: descriptor of the socket that all of them accept connections from.
        host: that they listen on.
    """

    policies: tuple[str, ...]
    catalogue: str
    config: ServeConfig
    seat: WorkerSeat
    listening: int
    host: str


class WorkerNews(msgspec.Struct, frozen=True):
    """What a process says once: that it serves, or why it cannot.

    Attributes:
        problems: a sentence each; none if it serves.
    """

    problems: tuple[str, ...] = ()
