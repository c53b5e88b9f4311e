"""Attributes of attempts that spans and metrics share."""

from __future__ import annotations

from urllib.parse import urlsplit

from routelab.core import Attempt
from routelab.serve.telemetry.conventions import Conventions

CHAT = "chat"

Attributes = dict[str, str | int | float | bool]


def attempt_attributes(it: Attempt, names: Conventions) -> Attributes:
    """What was done, at whom, and how it failed, if it did."""
    model, server = split_deployment(it.deployment)
    found: Attributes = {
        "gen_ai.operation.name": CHAT,
        **names.provider(it.provider),
        "gen_ai.request.model": model or it.model,
        **server,
    }
    if it.error is not None:
        found["error.type"] = it.failure or "_OTHER"
    return found


def split_deployment(label: str) -> tuple[str, Attributes]:
    """The model's name at its provider, and the server, of a deployment as records name it."""
    model, _, url = label.rpartition(" at ")
    try:
        there = urlsplit(url)
        port = there.port or {"https": 443, "http": 80}.get(there.scheme)
    except ValueError:
        return model, {}
    server: Attributes = {}
    if there.hostname:
        server["server.address"] = there.hostname
        if port is not None:
            server["server.port"] = port
    return model, server
