"""Who asks, as far as it matters whether two failures are one caller's: a tenant, or a content."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from routelab.runtime.wire import encode_json


class Asker:
    """Whoever is behind a request; worked out only where a failure may lie in what was asked.

    Args:
        tenant: who asks; empty where nobody says.
        body: of the request. Without a tenant, requests with the same messages are one caller's.
    """

    __slots__ = ("_body", "_known", "_tenant")

    def __init__(self, tenant: str, body: Mapping[str, Any]) -> None:
        self._tenant = tenant
        self._body = body
        self._known: Hashable = None

    @property
    def identity(self) -> Hashable:
        """Alike for those who cannot be told apart; never None."""
        if self._known is None:
            self._known = self._tenant or hash(
                encode_json(self._body.get("messages") or dict(self._body))
            )
        return self._known
