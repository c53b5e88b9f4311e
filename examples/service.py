"""A chat service in the protocol of OpenAI, streaming included, that routes by a policy.

POLICY=mine.policy MODELS=models.toml LOG=decisions uvicorn --factory examples.service:create
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from routelab.core.catalogue_file import parse
from routelab.errors import RouteError
from routelab.runtime import AsyncRouter, StreamedAnswer
from routelab.runtime.stream.pieces import DONE, event


def create() -> Starlette:
    """The service, as the environment describes it."""
    catalogue = parse(Path(os.environ["MODELS"]).read_text(encoding="utf-8"), "models.toml")
    router = AsyncRouter.load(os.environ["POLICY"], catalogue=catalogue, log=os.environ["LOG"])

    async def chat(request: Request) -> Response:
        asked = await request.json()
        asked.pop("model", None)  # the policy chooses
        asked["id"] = request.headers.get("x-request-id")
        if asked.pop("stream", False):
            answer = router.stream(**asked)
            return StreamingResponse(events(answer), media_type="text/event-stream")
        return JSONResponse((await router.route(**asked)).raw)

    async def events(streamed: StreamedAnswer) -> AsyncIterator[bytes]:
        async with streamed as answer:
            try:
                async for piece in answer:
                    yield event(piece.raw)
                yield DONE
            except RouteError as error:  # it has begun, so that only this is left
                yield event({"error": {"message": str(error)}})

    async def refused(_: Request, error: RouteError) -> Response:
        back = {"retry-after": str(ceil(error.retry_after_s))} if error.retry_after_s else {}
        return JSONResponse({"error": {"message": str(error)}}, 503, back)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with router:
            yield

    routes = [Route("/v1/chat/completions", chat, methods=["POST"])]
    return Starlette(routes=routes, exception_handlers={RouteError: refused}, lifespan=lifespan)
