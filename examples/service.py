"""A chat service in the protocol of OpenAI, streaming included, that routes by a policy.

POLICY=mine.policy MODELS=models.toml LOG=decisions uvicorn --factory examples.service:create
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from routelab.errors import BudgetError, NoModelError, RequestError, RouteError
from routelab.runtime import AsyncRouter, RouterConfig, StreamedAnswer
from routelab.runtime.attempts import DONE, sse_event


def create() -> Starlette:
    """The service, as the environment describes it."""
    router = AsyncRouter.load(
        os.environ["POLICY"], os.environ["MODELS"], RouterConfig(log=os.environ["LOG"])
    )

    async def chat(request: Request) -> Response:
        asked = await options(request)
        if asked.pop("stream", False) is not True:
            return JSONResponse((await router.route(**asked)).raw)
        told = events(router.stream(**asked))
        first = await anext(told)  # what fails before it is answered like any other failure
        return StreamingResponse(after(first, told), media_type="text/event-stream")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with router:
            yield

    routes = [Route("/v1/chat/completions", chat, methods=["POST"])]
    return Starlette(routes=routes, exception_handlers={RouteError: refused}, lifespan=lifespan)


async def options(request: Request) -> dict[str, Any]:
    """What the router is asked; who asks is for your gateway to say, not for the body."""
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise RequestError("the body must be an object")
    said = {name: value for name, value in body.items() if value is not None and name != "model"}
    tenant = request.headers.get("x-tenant", "")
    return {"messages": [], **said, "tenant": tenant, "id": request.headers.get("x-request-id")}


async def events(streamed: StreamedAnswer) -> AsyncIterator[bytes]:
    """The answer as server-sent events."""
    async with streamed as answer:
        async for piece in answer:
            yield sse_event(piece.raw)
        yield DONE


async def after(first: bytes, told: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """An answer that has begun: from here on a failure can only be an event."""
    yield first
    try:
        async for data in told:
            yield data
    except RouteError as error:
        yield sse_event({"error": {"message": str(error)}})


async def refused(_: Request, error: RouteError) -> Response:
    """Whose fault it was, why, and when to come back."""
    back = {"retry-after": str(ceil(error.retry_after_s))} if error.retry_after_s else {}
    return JSONResponse({"error": {"message": str(error)}}, status_of(error), back)


def status_of(error: RouteError) -> int:
    """400 for what the caller can mend, 429 for a spent budget, and else 503."""
    tried = [attempt.status for step in error.steps for attempt in step.feedback.attempts]
    if isinstance(error, RequestError | NoModelError) or tried[-1:] in ([400], [413], [422]):
        return 400
    return 429 if isinstance(error, BudgetError) else 503
