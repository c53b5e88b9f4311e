"""The trace that a request belongs to, and the headers by which endpoints hear of it.

Source: W3C Trace Context, Recommendation of 23 November 2021.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from routelab.core.messages import value_text
from routelab.errors import RequestError

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"

_log = logging.getLogger("routelab")

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,256}", re.ASCII)
_LONGEST_STATE, _MOST_MEMBERS = 512, 32
_NOTHING: Mapping[str, str] = {}


class TraceContext(msgspec.Struct, frozen=True):
    """Where a request stands in a trace that began before it.

    >>> from routelab.runtime import TraceContext
    >>> TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").headers
    {'traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'}

    Attributes:
        traceparent: ids of the trace and of the span above, and flags, as the header has them.
        tracestate: what tracing systems add for each other; empty for nothing.
    Raises:
        RequestError: one of them is malformed.
    """

    traceparent: str
    tracestate: str = ""

    def __post_init__(self) -> None:
        problems = []
        if not isinstance(self.traceparent, str) or _parent(self.traceparent) is None:
            example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            said = value_text(self.traceparent)
            problems.append(f"traceparent={said}: write it as W3C has it, such as {example!r}")
        if not isinstance(self.tracestate, str) or _state([self.tracestate]) != self.tracestate:
            said = value_text(self.tracestate)
            problems.append(f"tracestate={said}: write it as W3C has it, such as 'vendor=value'")
        if problems:
            raise RequestError(*problems)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say it."""
        if not self.tracestate:
            return {TRACEPARENT: self.traceparent}
        return {TRACEPARENT: self.traceparent, TRACESTATE: self.tracestate}


def read_trace(headers: Iterable[tuple[str, str]]) -> TraceContext | None:
    """The trace that headers name; None where they name none, or not as W3C has it.

    Args:
        headers: names in lower case; `tracestate` may come several times.
    """
    parents, states = [], []
    for name, value in headers:
        if name == TRACEPARENT:
            parents.append(value)
        elif name == TRACESTATE:
            states.append(value)
    if len(parents) != 1 or (parent := _parent(parents[0].strip())) is None:
        return None
    return TraceContext(parent, _state(states))


class RequestTracer(Protocol):
    """Follows one request, and says what each of its attempts is sent with."""

    def sending(self, deployment: str, sample: int, sent_s: float) -> Mapping[str, str]:
        """Headers of an attempt that is about to be sent.

        Args:
            deployment: for people, as records have it.
            sample: of the call.
            sent_s: seconds of the router's clock.
        """
        ...


class PassedTrace:
    """Passes on what a caller said, unchanged: nobody here adds a span."""

    def __init__(self, context: TraceContext) -> None:
        self._headers = context.headers

    def sending(self, deployment: str, sample: int, sent_s: float) -> Mapping[str, str]:
        return self._headers


class GuardedTrace:
    """Another's trace, which may fail and keeps no request from being sent.

    Args:
        trace: of an observer.
        told: endpoints hear of it; without, they are sent no headers.
    """

    def __init__(self, trace: RequestTracer, told: bool) -> None:
        self._trace = trace
        self._told = told

    def sending(self, deployment: str, sample: int, sent_s: float) -> Mapping[str, str]:
        try:
            headers = self._trace.sending(deployment, sample, sent_s)
        except Exception:  # noqa: BLE001  (a request outlives whoever watches it)
            _log.exception("an observer failed")
            return _NOTHING
        return headers if self._told else _NOTHING


def _parent(said: str) -> str | None:
    """A `traceparent` as version 00 has it; None for what is none."""
    found = _PARENT.fullmatch(said)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not (trace_id.strip("0") and span_id.strip("0")):
        return None
    return said if version == "00" else f"00-{trace_id}-{span_id}-{flags}"


def _state(said: Iterable[str]) -> str:
    """A `tracestate` of all members, first ones first, as far as they are well-formed and fit."""
    members: dict[str, str] = {}
    for each in ",".join(said).split(","):
        member = each.strip(" \t")
        if not member:
            continue
        if _MEMBER.fullmatch(member) is None:
            return ""  # as W3C asks, all of it is left out
        members.setdefault(member.partition("=")[0], member)
    kept = list(members.values())[:_MOST_MEMBERS]
    while len(",".join(kept)) > _LONGEST_STATE:
        kept.pop()
    return ",".join(kept)
