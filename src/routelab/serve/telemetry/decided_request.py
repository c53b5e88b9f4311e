"""A decision alone, whose calls somebody else makes, as telemetry is told of it."""

from __future__ import annotations

from typing import NamedTuple

from routelab.core import Request
from routelab.runtime import TraceContext


class DecidedRequest(NamedTuple):
    """A request of which only the decision was wanted, and that is over.

    Attributes:
        request: as the policy saw it.
        entry: by which it came.
        policy, digest: that decided, by name and SHA-256.
        status: "answered", or why there is no decision.
        latency_s: that the decision took.
        context: of the trace that its caller is in.
    """

    request: Request
    entry: str
    policy: str
    digest: str
    status: str
    latency_s: float
    context: TraceContext | None

    @property
    def attributes(self) -> dict[str, str]:
        """Of its span."""
        return {
            "routelab.entry": self.entry,
            "routelab.policy": self.policy,
            "routelab.policy.digest": self.digest,
            "routelab.status": self.status,
        }
