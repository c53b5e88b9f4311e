"""Read a stream to its end: put the answer together, and pass it on as it comes."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from routelab.core import estimated_tokens
from routelab.core.messages import brief
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.classify import too_few
from routelab.runtime.attempts.events import Event, EventError, EventParser
from routelab.runtime.attempts.failures import (
    CUT,
    EMPTY,
    OF_KIND,
    UNSUPPORTED,
    Failure,
    error_of,
    judged,
    sentence_of,
)
from routelab.runtime.attempts.finishes import bad_end, may_be_bad
from routelab.runtime.attempts.growing import PieceError
from routelab.runtime.attempts.timeouts import StreamTimeouts
from routelab.runtime.attempts.usage import answer_tokens, is_doubtful, token_usage
from routelab.runtime.large_json import object_anywhere
from routelab.runtime.upstream import Kind, UpstreamError
from routelab.runtime.wire import LARGE, decode_object
from routelab.signals import answer_text

_DONE = b"[DONE]"
_SHOWN = 200
"""Characters of an event that an error message quotes."""

_DRAIN_S = 0.1
"""To wait for the end of a reply that has said all, so that its connection can serve again."""


_GRACE_S, _USAGE_S = 0.25, 10.0
"""To wait for more after the answer is complete, where its usage is known and where it is not.
Without it a cost is unknown, and slow models send it as slowly as their words. It is read behind
the caller's back, who has the answer by then."""


_AT_ONCE = 200
"""Events that are taken before others have their turn, where so many come at once."""

_EVENTS, _HELD = 500_000, 10_000
"""Of a stream, and before its answer begins."""

_VALUES = 50_000
"""Of an event, all counted; it is a part of an answer, and is copied into the whole."""


class Pass(Protocol):
    """Takes pieces, and that there are no more of the answer."""

    @property
    def taken_s(self) -> float: ...

    async def __call__(self, piece: Mapping[str, Any]) -> None: ...

    def complete(self) -> None: ...


class StreamError(Exception):
    """The stream ended before the answer did."""

    def __init__(
        self, message: str, kind: Kind, failure: Failure | None = None, said: object = ""
    ) -> None:
        self.kind = kind
        self.said = said
        self.failure = OF_KIND[kind] if failure is None else failure
        super().__init__(message)


class _BadEndError(StreamError):
    """The answer ended, in words that say that it is none."""


class StreamReader:
    """One answer as it arrives.

    Pieces are held back until one holds something of the answer, so that until then
    another deployment can take over unseen.

    Attributes:
        assembly: what there is of the answer.
        status: of HTTP, or that a failure in the middle of the answer names; None before either.
        delivered: a piece was passed on.
        first_token_at: by the clock; NaN before there is any.

    Args:
        sink: is given each piece, in order.
        choices: how many were asked for.
        usage_asked: the caller wants the piece that only holds the usage.
        clock: seconds.
    """

    def __init__(
        self,
        sink: Pass,
        watch: StreamTimeouts,
        *,
        usage_asked: bool,
        clock: Callable[[], float],
        choices: int = 1,
    ) -> None:
        self.assembly = Assembly(choices)
        self.status: int | None = None
        self.delivered = False
        self.first_token_at = math.nan
        self._sink = sink
        self._watch = watch
        self._usage_asked = usage_asked
        self._clock = clock
        self._held: list[Mapping[str, Any]] = []
        self._events = 0

    async def read(self, chunks: AsyncGenerator[bytes]) -> None:
        """Read until the answer is complete.

        Raises:
            StreamError: it is cut or malformed, or the endpoint says that it failed.
        """
        parser, done = EventParser(), False
        async with aclosing(chunks):
            try:
                async for chunk in chunks:
                    for event in parser.feed(chunk):
                        self._events += 1
                        if not self._events % _AT_ONCE:
                            await self._paused()
                        done = done or event.data == _DONE
                        if not done and event.data:
                            await self._event(event)
                    if done:
                        await _drain(chunks)
                        break
                    if self.assembly.finished:  # some never say so, nor close the connection
                        self._watch.ending(_GRACE_S if self.assembly.usage else _USAGE_S)
                        if not self._usage_asked:
                            self._sink.complete()
            except _BadEndError:
                raise
            except (EventError, StreamError) as error:
                if self.assembly.finished:
                    await self.release()  # noise after the answer takes nothing from it
                    return
                if isinstance(error, StreamError):
                    raise
                raise StreamError(f"sent {error}", "malformed") from None
            except UpstreamError as error:
                if not self.assembly.finished:
                    kind: Kind = "cut" if error.kind not in ("malformed", "stopped") else error.kind
                    raise StreamError(self._cut(str(error)), kind) from None
        if not done and not self.assembly.finished and (last := parser.rest()) is not None:
            done = last.data == _DONE
            if not done and await object_anywhere(last.data) is not None:
                await self._event(last)
        self._ended(done)
        await self.release()

    def _ended(self, done: bool) -> None:
        """Refuse what is not whole.

        Every choice that was asked for says why it ended, or none does and `[DONE]` stands for it.

        Raises:
            StreamError: it is not.
        """
        known = self.assembly
        if known.finished:
            return
        if not done or known.broken:
            raise StreamError(self._cut("the stream ended without a finish"), "cut")
        if known.missing:
            raise StreamError(too_few(known.missing), "status", UNSUPPORTED)

    async def _paused(self) -> None:
        """Let others have their turn, and end what has gone on too long.

        Raises:
            StreamError: there are more pieces than any answer has.
        """
        await checkpoint()
        if self._events > _EVENTS or len(self._held) > _HELD:
            n = min(self._events, _EVENTS)
            raise StreamError(self._cut(f"it sent more than {n:,} events"), "malformed")

    async def take(self, piece: Mapping[str, Any]) -> None:
        """Take the next piece, and pass it on once the answer has begun.

        Raises:
            StreamError: it does not have the form of a piece.
        """
        try:
            content, piece = self.assembly.add(piece)
        except PieceError as error:
            raise StreamError(f"sent a malformed event: {error}", "malformed") from None
        except RecursionError:
            raise StreamError("sent an event that is nested too deeply", "malformed") from None
        if piece.get("choices") or self._usage_asked or not piece.get("usage"):
            self._held.append(piece)
        if content and math.isnan(self.first_token_at):
            self.first_token_at = self._clock()
        if self.assembly.pieces:
            await self.release()

    async def _event(self, event: Event) -> None:
        data = event.data
        if len(data) <= LARGE:
            piece = decode_object(data, _VALUES)
        else:
            piece = await object_anywhere(data, _VALUES)
        if piece is None:
            text = data[:_SHOWN].decode(errors="replace")
            raise StreamError(f"sent a malformed event: {text!r} is no JSON object", "malformed")
        error = error_of(piece)
        if error is not None or event.name == "error":
            raise self._stream_error(piece, piece if error is None else error)
        await self.take(piece)
        # The whole answer is put together for a suspicion alone: many pieces may name an end.
        if may_be_bad(piece) and (end := bad_end(self.assembly.body())) is not None:
            raise _BadEndError(end.says, "status", end.failure)

    async def release(self) -> None:
        """Pass on what is held back."""
        await checkpoint_if_cancelled()  # what is late already goes to nobody
        with self._watch.paused(self._sink):
            held, self._held = self._held, []
            for piece in held:
                self.delivered = True
                await self._sink(piece)

    def _stream_error(self, piece: Mapping[str, Any], error: object) -> StreamError:
        """The failure that an endpoint reports in the middle of its answer."""
        verdict = judged(None, {"error": error})
        known = verdict.failure is not EMPTY
        self.status = verdict.status or self.status
        what = f"failed while answering: {(sentence_of(error) or brief(piece, _SHOWN))[:_SHOWN]}"
        failure = verdict.failure if known else CUT
        return StreamError(what, "status" if known else "cut", failure, error)

    def _cut(self, reason: str) -> str:
        return f"cut after {self.assembly.pieces} pieces: {reason}"


async def _drain(chunks: AsyncGenerator[bytes]) -> None:
    with anyio.move_on_after(_DRAIN_S):
        try:
            async for _ in chunks:
                pass
        except UpstreamError:
            return  # the answer is complete


def used(assembly: Assembly, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Usage of an answer that broke off: as reported so far, or estimated where that is more.

    What was reported may be of an earlier moment, or a placeholder.
    """
    pieces = assembly.pieces
    if not pieces:
        return dict(assembly.usage or {})
    text = answer_text(assembly.body()) or ""
    known = token_usage(assembly.usage)
    prompt, completion = known.prompt, known.completion
    if not prompt > 0.0:
        prompt = float(estimated_tokens(sent.get("messages", ())))
    if not completion > 0.0 or is_doubtful(completion, len(text), pieces):
        completion = float(answer_tokens(text, pieces))
    elif completion < pieces and len(text) >= 2 * pieces:  # told before the last of them
        completion = float(pieces)
    if assembly.usage is not None and (prompt, completion) == known[:2]:
        return dict(assembly.usage)
    parts = {
        "prompt_tokens_details": {
            "cached_tokens": known.cached,
            "cache_write_tokens": known.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": known.reasoning},
    }
    told = {name: part for name, part in parts.items() if any(part.values())}
    return {"prompt_tokens": prompt, "completion_tokens": completion, **told}
