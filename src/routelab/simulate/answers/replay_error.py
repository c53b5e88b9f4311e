"""A request that the replay server cannot answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.runtime import SHOULD_RETRY


class ReplayError(Exception):
    """The log cannot answer a request; an HTTP status and an error object in the OpenAI form.

    Args:
        usage: what the failed answer cost, where the log says.
    """

    def __init__(
        self, status: int, kind: str, message: str, usage: Mapping[str, Any] | None = None
    ) -> None:
        self.status = status
        self.body = {"error": {"message": message, "type": kind}, "usage": usage or {}}
        self.headers = {SHOULD_RETRY: "false"}  # another deployment has the same log
        super().__init__(message)
