"""What a server does, as lines of JSON: never a prompt, an answer or a key."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from routelab.runtime import RoutedAnswer, encode_json
from routelab.serve.callers import Identity
from routelab.serve.refusal import RefusedError


class EventLog:
    """Writes events, each a line.

    Args:
        requests: write one for every request too, and not only for those without an answer.
        write: takes a line; standard error unless given.
        wall_clock: Unix seconds.
        always: fields of every event.
    """

    def __init__(
        self,
        requests: bool = False,
        write: Callable[[str], object] | None = None,
        wall_clock: Callable[[], float] = time.time,
        always: Mapping[str, Any] | None = None,
    ) -> None:
        self._requests = requests
        self._write = write or sys.stderr.write
        self._wall_clock = wall_clock
        self._always = always or {}

    def event(self, event: str, level: str = "info", **fields: Any) -> None:
        """Write what happened.

        Args:
            event: a word for programs.
            level: "info", "warning" or "error".
            fields: what there is to say, without anything that is a caller's secret.
        """
        line = {"time_s": round(self._wall_clock(), 3), "level": level, "event": event}
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more: requests go on
            self._write(encode_json({**line, **self._always, **fields}).decode() + "\n")

    def refused(self, entry: str, refusal: RefusedError, caller: Identity | None) -> None:
        """A request was not let in; the message may quote it, so only its code is written.

        Args:
            entry: by which it came.
            refusal: why it was refused.
            caller: who sent it; None where that is not known.
        """
        who = {} if caller is None else {"key": caller.key, "tenant": caller.tenant}
        self.event(
            "refused",
            "warning",
            entry=entry,
            status=refusal.status,
            code=refusal.code,
            param=refusal.param,
            **who,
        )

    def over(self, status: str, took_s: float, routed: RoutedAnswer | None, **fields: Any) -> None:
        """A request is over.

        Args:
            status: "answered", "cancelled", "broken" or a refusal's code.
            took_s: seconds from its arrival.
            routed: the answer, where there is one.
            fields: who asked what, without any text of it.
        """
        if status == "answered" and not self._requests:
            return
        self.event(
            "request",
            "info" if status in ("answered", "cancelled") else "warning",
            status=status,
            **fields,
            model=None if routed is None else routed.model,
            calls=None if routed is None else len(routed.decision.steps),
            took_s=round(took_s, 4),
        )
