"""An OpenAI-compatible application that answers from a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from routelab.core.catalogue import Catalogue
from routelab.logs.log import Log
from routelab.runtime.stream.pieces import DONE, event, parted
from routelab.runtime.wire import ATTEMPT, NEED, REQUEST_ID, decode_json, encode_json, header_texts
from routelab.simulate.answers.finder import Finder
from routelab.simulate.answers.outcomes import Outcomes
from routelab.simulate.answers.replay_error import ReplayError


def replay_app(
    log: Log, *, catalogue: Catalogue | None = None, latency_scale: float = 0.0
) -> Starlette:
    """Serve what the log holds: `/v1/chat/completions`, `/v1/models` and `/health`.

    A request is found by its `x-request-id`, else by its prompt. `x-routelab-need` names the
    signals to give and to charge for; without it all are given and none is charged. With
    `stream` the answer comes a word at a time, over the time that it took.

    Args:
        catalogue: its upstream model names are understood too; the log's own by default.
        latency_scale: 1 answers after the logged latency, 0 at once.
    """
    finder = Finder(log, catalogue or log.catalogue)
    outcomes = Outcomes(log)

    async def complete(request: Request) -> Response:
        try:
            asked = _asked(await request.body())
            column = finder.column(asked.get("model"))
            row = finder.row(request.headers.get(REQUEST_ID), asked.get("messages"))
            sample = outcomes.sample(request.headers.get(ATTEMPT))
            waits_s = latency_scale * sample.latency_s(row, column)
            asked_for = request.headers.get(NEED)
            need = None if asked_for is None else header_texts(asked_for)
            if asked.get("stream"):
                answer = sample.completion(row, column, asked["model"], need)
                return _events([*parted(answer, usage=_usage_asked(asked))], waits_s)
            await asyncio.sleep(waits_s)
            return _json(sample.completion(row, column, asked["model"], need))
        except ReplayError as error:
            return _json(error.body, error.status, error.headers)

    async def models(_: Request) -> Response:
        listed = [{"id": name, "object": "model", "owned_by": "log"} for name in log.models]
        return _json({"object": "list", "data": listed})

    async def health(_: Request) -> Response:
        return _json({"status": "ok", "requests": len(log), "models": log.models})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
        ]
    )


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
            yield event(piece)
        yield DONE

    return StreamingResponse(sent(), media_type="text/event-stream")


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json(value), status, headers, media_type="application/json")
