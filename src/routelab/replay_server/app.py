"""An OpenAI-compatible application that answers from a log."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from routelab.core.catalogue import Catalogue
from routelab.logs.model import Log
from routelab.replay_server.logged_signals import LoggedSignals, renamed, with_columns
from routelab.replay_server.truncation import allowed_tokens, shortened
from routelab.runtime import REQUEST_ID, SAMPLE, decode_json, encode_json
from routelab.runtime.attempts import DONE, sse_event, word_chunks
from routelab.simulate.answers import Finder, Outcomes, ReplayError, own_limit


def replay_app(
    log: Log,
    *,
    catalogue: Catalogue | None = None,
    latency_scale: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Starlette:
    """An application that serves a log: `/v1/chat/completions`, `/v1/models` and `/health`.

    A request is found by its `x-request-id`, else by its messages, else by what the user says in
    them; requests that say the same are answered for in turn, each id from one of them.
    `x-routelab-need` names the signals to give and to charge for; without it all are given and
    none is charged. A signal that a router makes of answers which are not logged is refused with
    422. An answer longer than `max_tokens` is cut, and takes and costs less. With `stream` the
    answer comes a word at a time, over the time that it took.

    Args:
        log: with prompts or request ids.
        catalogue: its upstream model names are understood too, and its prices say what a cut
            answer costs; the log's own by default.
        latency_scale: 1 answers after the logged latency, 0 at once.
        tell: takes warnings, each once.
    """
    known = catalogue or log.catalogue or Catalogue()
    served = _Served(log, known, latency_scale, tell)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", served.complete, methods=["POST"]),
            Route("/v1/models", served.models),
            Route("/health", served.health),
        ]
    )


class _Served:
    """A log behind its endpoints."""

    def __init__(
        self, log: Log, known: Catalogue, latency_scale: float, tell: Callable[[str], None]
    ) -> None:
        log = with_columns(log)
        self._log = log
        self._known = known
        self._latency_scale = latency_scale
        self._finder = Finder(log, known, tell)
        self._outcomes = Outcomes(log)
        self._confidence = LoggedSignals(log, self._outcomes, tell)

    async def complete(self, request: Request) -> Response:
        try:
            asked = _asked(await request.body())
            column = self._finder.column(asked)
            messages = self._finder.prompt(column, asked.get("messages"))
            again = request.headers.get(SAMPLE, "0") != "0"
            row = self._finder.row(request.headers.get(REQUEST_ID), messages, column, again=again)
            self._confidence.check(request.headers, row, column)
            names, most = self._confidence.asked(request.headers), allowed_tokens(asked)
            sample = self._outcomes.sample(request.headers.get(SAMPLE))
            need = None if names is None else [*names.values()]
            model = self._known.model(self._log.models[column])
            most = None if own_limit(model, asked) else most

            def answer() -> dict[str, Any]:
                whole = sample.completion(row, column, asked["model"], need)
                return renamed(shortened(whole, most, model), names)

            share = min(1.0, (most or math.inf) / sample.tokens(row, column))
            waits_s = self._latency_scale * share * sample.latency_s(row, column)
            if asked.get("stream"):
                return _events([*word_chunks(answer(), usage=_usage_asked(asked))], waits_s)
            await asyncio.sleep(waits_s)
            return _json(answer())
        except ReplayError as error:
            return _json(error.body, error.status, error.headers)

    async def models(self, _: Request) -> Response:
        log = self._log
        listed = [{"id": name, "object": "model", "owned_by": "log"} for name in log.models]
        costs = {name: log.spec(name).multiplier for name in log.signals}
        return _json({"object": "list", "data": listed, "routelab": {"signals": costs}})

    async def health(self, _: Request) -> Response:
        return _json({"status": "ok", "requests": len(self._log), "models": self._log.models})


def _asked(content: bytes) -> dict[str, Any]:
    try:
        asked = decode_json(content)
    except ValueError as error:
        raise ReplayError(400, "invalid_request", f"the body is no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise ReplayError(400, "invalid_request", "the body must be a JSON object")
    return asked


def _usage_asked(asked: Mapping[str, Any]) -> bool:
    options = asked.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _events(pieces: Sequence[Mapping[str, Any]], takes_s: float) -> Response:
    """The pieces as server-sent events, spread evenly over the time."""

    async def sent() -> AsyncIterator[bytes]:
        for piece in pieces:
            await asyncio.sleep(takes_s / len(pieces))
            yield sse_event(piece)
        yield DONE

    return StreamingResponse(sent(), media_type="text/event-stream")


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json(value), status, headers, media_type="application/json")
