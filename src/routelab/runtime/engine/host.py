"""The calls under way at one host, whichever deployments they are for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from routelab.core.catalogue import Deployment


class Host:
    """Counts calls under way, and knows who waits when the host has no room.

    Attributes:
        limit: of calls under way at once.
        in_flight: calls under way.
        freed: what to call when there is room again, a list for each deployment there.
    """

    __slots__ = ("freed", "in_flight", "limit")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.in_flight = 0
        self.freed: deque[list[Callable[[], None]]] = deque()

    def leave(self, own: list[Callable[[], None]]) -> Iterable[list[Callable[[], None]]]:
        """A call ended; whom to tell, in turns where all deployments there may wait for its room.

        Args:
            own: those of the call's deployment.
        """
        was_full = self.in_flight >= self.limit
        self.in_flight -= 1
        if not was_full:
            return (own,)
        self.freed.rotate(-1)
        return tuple(self.freed)


def host_of(deployment: Deployment) -> str:
    """The host of a deployment, as scheme, name and port; the address itself where it is none."""
    try:
        parts = urlsplit(deployment.base_url)
    except ValueError:
        return deployment.public_url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
