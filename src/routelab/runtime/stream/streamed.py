"""One try of a call whose answer is passed on as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from routelab.runtime.outcome import Attempt, failed, judged
from routelab.runtime.stream.pieces import whole
from routelab.runtime.stream.reading import Reading, StreamError, used
from routelab.runtime.stream.watch import Watch
from routelab.runtime.upstream import Asked, Kind, Reply, Upstream, UpstreamError, address
from routelab.signals.answer_text import answer_text

_EVENTS = "text/event-stream"


class Sink(Protocol):
    """Takes the pieces of an answer as they come, each a `chat.completion.chunk`."""

    async def __call__(self, piece: Mapping[str, Any]) -> None: ...

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Call this once nobody takes pieces any more."""
        ...


async def streamed(
    upstream: Upstream,
    asked: Asked,
    sink: Sink,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
) -> Attempt:
    """Ask for a stream, and read it to its end; `first_token_s` is the clock's time."""
    options = {**(asked.body.get("stream_options") or {})}
    wanted = {"stream": True, "stream_options": {**options, "include_usage": True}}
    asked = msgspec.structs.replace(asked, body={**asked.body, **wanted})
    watch = Watch(asked.timeouts)
    reading = Reading(sink, watch, usage_asked=bool(options.get("include_usage")), clock=clock)
    with watch:
        sink.on_stop(watch.stop)
        return await _read(upstream, asked, reading, wall_clock)
    if watch.stopped:
        return _broken(asked, reading, "stopped by the caller", "stopped")
    if not reading.assembly.finished:
        return _broken(asked, reading, watch.reason, "timeout")
    await reading.release()
    return _answered(asked, reading)


async def _read(
    upstream: Upstream, asked: Asked, reading: Reading, wall_clock: Callable[[], float]
) -> Attempt:
    try:
        async with upstream.stream(asked) as opened:
            reading.status = opened.status
            good = 200 <= opened.status < 300
            if good and _EVENTS in opened.headers.get("content-type", ""):
                await reading.read(opened.chunks)
                return _answered(asked, reading)
            content = b"".join([chunk async for chunk in opened.chunks])
    except StreamError as error:
        return _broken(asked, reading, str(error), error.kind)
    except UpstreamError as error:
        return failed(asked.deployment, str(error), error.kind)
    reply = Reply(opened.status, content, opened.headers)
    tried = judged(asked.deployment, reply, wall_clock())
    if tried.answer is None:
        return tried
    await reading.take(whole(tried.answer))  # an endpoint that does not stream
    return _answered(asked, reading)


def _answered(asked: Asked, reading: Reading) -> Attempt:
    body = reading.assembly.body()
    if answer_text(body) is None:
        return _broken(asked, reading, "answered without choices", "malformed")
    return Attempt(
        address(asked.deployment),
        body,
        status=reading.status,
        first_token_s=reading.first_token_at,
        delivered=True,
    )


def _broken(asked: Asked, reading: Reading, error: str, kind: Kind) -> Attempt:
    """A try that ended before its answer did, with what it used until then."""
    over = reading.delivered or kind == "stopped"
    return Attempt(
        address(asked.deployment),
        {"usage": used(reading.assembly, asked.body)},
        error,
        elsewhere=not over,
        status=reading.status,
        kind=kind,
        first_token_s=reading.first_token_at,
        delivered=over,
    )
