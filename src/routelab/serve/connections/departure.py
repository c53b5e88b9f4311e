"""Whether whoever asked over a connection has left, and who is to be told."""

from __future__ import annotations

from collections.abc import Callable

DEPARTURE = "routelab.departure"
"""Name of the extension of ASGI by which exchanges are given it, under "of"."""


class Departure:
    """The end of one connection, of which those who answer over it are told.

    It does what a task for each request would do that waits for the end.

    Args:
        resume: reads on, for the end is seen by who reads.
    """

    def __init__(self, resume: Callable[[], object]) -> None:
        self._resume = resume
        self._told: set[Callable[[], object]] = set()
        self._over = False

    def tell(self, leave: Callable[[], object]) -> None:
        """Call a function when the caller leaves; at once if nobody is there any more."""
        self._told.add(leave)
        self._resume()
        if self._over:
            leave()

    def forget(self, leave: Callable[[], object]) -> None:
        """Do not call it any more."""
        self._told.discard(leave)

    def happened(self) -> None:
        """The caller has left."""
        self._over = True
        for leave in tuple(self._told):
            leave()
