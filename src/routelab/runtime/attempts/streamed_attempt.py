"""One attempt of a call whose answer is passed on as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from routelab.runtime.attempts.classify import (
    AttemptResult,
    choices_asked,
    classify_in_turns,
    failed,
    late,
    objection_of,
)
from routelab.runtime.attempts.failures import EMPTY, OF_KIND, Failure
from routelab.runtime.attempts.pieces import single_chunk
from routelab.runtime.attempts.stream_reader import StreamError, StreamReader, used
from routelab.runtime.attempts.timeouts import StreamTimeouts
from routelab.runtime.attempts.usage import Exchange
from routelab.runtime.upstream import (
    Kind,
    OutgoingRequest,
    Reply,
    Upstream,
    UpstreamError,
    deployment_label,
    streams,
)
from routelab.signals import answer_text


class PieceSink(Protocol):
    """Takes the pieces of an answer as they come, each a `chat.completion.chunk`."""

    @property
    def taken_s(self) -> float:
        """Seconds that the caller has spent on pieces so far, from any start."""
        ...

    async def __call__(self, piece: Mapping[str, Any]) -> None: ...

    def complete(self) -> None:
        """The answer is whole; what may still come is its usage, which nobody asked for."""
        ...

    def stopping(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """While the block runs, `stop` is called once nobody takes pieces any more."""
        ...


async def streamed(
    upstream: Upstream,
    outgoing: OutgoingRequest,
    sink: PieceSink,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    *,
    usage_asked: bool,
) -> AttemptResult:
    """Ask for a stream, and read it to its end; `first_token_s` is the clock's time.

    Args:
        usage_asked: the caller wants the piece that only holds the usage.
    """
    watch = StreamTimeouts(outgoing.timeouts)
    asked = choices_asked(outgoing.body)
    reading = StreamReader(sink, watch, usage_asked=usage_asked, clock=clock, choices=asked)
    with sink.stopping(watch.stop), watch:
        return await _read(upstream, outgoing, reading, wall_clock)
    if watch.stopped:
        return _broken(outgoing, reading, "stopped by the caller", "stopped")
    if outgoing.progress.waits or outgoing.progress.connecting:
        return late(outgoing, watch.reason)
    if not reading.assembly.finished:
        return _broken(outgoing, reading, watch.reason, "timeout")
    await reading.release()
    return _answered(outgoing, reading)


async def _read(
    upstream: Upstream,
    outgoing: OutgoingRequest,
    reading: StreamReader,
    wall_clock: Callable[[], float],
) -> AttemptResult:
    try:
        async with upstream.stream(outgoing) as opened:
            reading.status = opened.status
            if streams(opened.status, opened.headers):
                await reading.read(opened.chunks)
                return _answered(outgoing, reading)
            content = b"".join([chunk async for chunk in opened.chunks])
    except StreamError as error:
        result = _broken(outgoing, reading, str(error), error.kind, error.failure)
        return msgspec.structs.replace(result, objection=objection_of(error.said))
    except UpstreamError as error:
        return failed(outgoing.deployment, str(error), error.kind)
    reply = Reply(opened.status, content, opened.headers)
    asked = choices_asked(outgoing.body)
    result = await classify_in_turns(outgoing.deployment, reply, wall_clock(), asked)
    if result.answer is None:
        return result
    try:
        await reading.take(single_chunk(result.answer))  # an endpoint that does not stream
    except StreamError as error:
        return _broken(outgoing, reading, str(error), error.kind, error.failure)
    return _answered(outgoing, reading)


def _answered(outgoing: OutgoingRequest, reading: StreamReader) -> AttemptResult:
    body = reading.assembly.body()
    if answer_text(body) is None:
        return _broken(outgoing, reading, "answered without choices", "malformed", EMPTY)
    return AttemptResult(
        deployment_label(outgoing.deployment),
        body,
        status=reading.status,
        first_token_s=reading.first_token_at,
        delivered=True,
        exchange=Exchange(pieces=reading.assembly.pieces),
    )


def _broken(
    outgoing: OutgoingRequest,
    reading: StreamReader,
    error: str,
    kind: Kind,
    failure: Failure | None = None,
) -> AttemptResult:
    """An attempt that ended before its answer did, with what it used until then."""
    stopped = kind == "stopped"
    return AttemptResult(
        deployment_label(outgoing.deployment),
        {"usage": used(reading.assembly, outgoing.body)},
        error,
        status=reading.status,
        kind=kind,
        failure=OF_KIND[kind] if failure is None else failure,
        first_token_s=reading.first_token_at,
        delivered=reading.delivered or stopped,
    )
