"""What a server does, as lines of JSON: never a prompt, an answer or a key."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from routelab.runtime import RoutedAnswer, encode_json
from routelab.runtime.journal import secrets
from routelab.runtime.redaction import Redactor
from routelab.serve.callers import Identity
from routelab.serve.keys import KEY_FORMAT
from routelab.serve.refusal import RefusedError

_TEXTS = frozenset({"message", "problems", "error", "param", "trace"})
"""Fields that may quote what came from elsewhere; the others are ids, names and numbers."""
_CALLERS_KEY = re.compile(KEY_FORMAT.pattern.encode())
_LEVELS = {"CRITICAL": "error", "ERROR": "error", "WARNING": "warning"}


class EventLog:
    """Writes events, each a line.

    Args:
        requests: write one for every request too, and not only for those without an answer.
        write: takes a line; standard error unless given.
        wall_clock: Unix seconds.
        redactor: takes out of texts what identifies people.
        always: fields of every event.
    """

    def __init__(
        self,
        requests: bool = False,
        write: Callable[[str], object] | None = None,
        wall_clock: Callable[[], float] = time.time,
        redactor: Redactor | None = None,
        always: Mapping[str, Any] | None = None,
    ) -> None:
        self._requests = requests
        self._redactor = redactor
        self._variables: tuple[str, ...] = ()
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
        if self._redactor and not _TEXTS.isdisjoint(fields):
            fields = {name: self._redacted(name, value) for name, value in fields.items()}
        line = {"time_s": round(self._wall_clock(), 3), "level": level, "event": event}
        encoded = _CALLERS_KEY.sub(b"rl-***", encode_json({**line, **self._always, **fields}))
        for secret in secrets(self._variables):
            encoded = encoded.replace(secret, b"***")
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more: requests go on
            self._write(encoded.decode() + "\n")

    def keep_out(self, variables: Iterable[str]) -> None:
        """Never write the values of these environment variables, which hold keys."""
        self._variables = tuple(dict.fromkeys((*self._variables, *variables)))

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

    def _redacted(self, name: str, value: Any) -> Any:
        assert self._redactor is not None  # who calls has looked
        if name not in _TEXTS or value is None:
            return value
        if isinstance(value, str):
            return self._redactor.logged(value)
        return [self._redacted(name, it) for it in value]


class EventHandler(logging.Handler):
    """Writes what Python's loggers are told as events, so that every line is JSON.

    Args:
        events: where they go.
    """

    def __init__(self, events: EventLog) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, with the traceback of an error."""
        try:
            fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
            if record.exc_info and record.exc_info[0] is not None:
                fields["trace"] = _PLAIN.formatException(record.exc_info)
            self._events.event("log", _LEVELS.get(record.levelname, "info"), **fields)
        except Exception:  # noqa: BLE001  (as of any handler: what logs must go on)
            self.handleError(record)


_PLAIN = logging.Formatter()
