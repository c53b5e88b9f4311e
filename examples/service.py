"""A chat service in the protocol of OpenAI, streaming included, that routes by a policy.

POLICY=mine.policy MODELS=models.toml LOG=decisions uvicorn --factory examples.service:create

BUDGETS=budgets.toml keeps it within budgets; a tenant is named by the header x-tenant.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from math import ceil
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from routelab.errors import BudgetError, NoModelError, RequestError, RouteError
from routelab.runtime import AsyncRouter, RequestOptions, RouterConfig, StreamedAnswer
from routelab.runtime.attempts import DONE, failure_classes, sse_event

Answer = TypeVar("Answer")


def create() -> Starlette:
    """The service, as the environment describes it."""
    config = RouterConfig(log=os.environ["LOG"], budgets=os.environ.get("BUDGETS") or None)
    router = AsyncRouter.load(os.environ["POLICY"], os.environ["MODELS"], config)

    async def chat(request: Request) -> Response:
        messages, asked, stream = await options(request)
        if not stream:
            routed = await unless_left(request, router.route(messages, asked))
            return LEFT if routed is None else JSONResponse(routed.raw)
        told = events(router.stream(messages, asked))
        # what fails before the first piece is answered like any other failure
        first = await unless_left(request, anext(told))
        if first is None:
            return LEFT
        return StreamingResponse(after(first, told), media_type="text/event-stream")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with router:
            yield

    async def models(_: Request) -> Response:
        listed = [{"id": name, "object": "model"} for name in router.catalogue.models]
        return JSONResponse({"object": "list", "data": listed})

    routes = [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/models", models),
    ]
    return Starlette(routes=routes, exception_handlers={RouteError: refused}, lifespan=lifespan)


LEFT = Response(status_code=499)
"""Nobody reads it."""

OURS = {"task": str, "priority": str, "needs": list, "max_cost_usd": object, "deadline_s": object}
"""Fields of a body that are options of the router; of another type they are some provider's."""


async def unless_left(request: Request, answer: Awaitable[Answer]) -> Answer | None:
    """The answer; None, and what is under way for it cancelled, where the caller left before."""
    asked = asyncio.ensure_future(answer)
    left = asyncio.ensure_future(gone(request))
    try:
        await asyncio.wait((asked, left), return_when=asyncio.FIRST_COMPLETED)
        return await asked if asked.done() else None
    finally:
        for task in (asked, left):
            task.cancel()
        await asyncio.gather(asked, left, return_exceptions=True)


async def gone(request: Request) -> None:
    """Until the caller hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def options(request: Request) -> tuple[Any, RequestOptions, bool]:
    """The messages, what else is asked, and whether to stream.

    Who asks is for your gateway to say, not for the body.
    """
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise RequestError("the body must be an object")
    said = {name: value for name, value in body.items() if value is not None and name != "model"}
    messages, stream = said.pop("messages", []), said.pop("stream", False) is True
    ours = {
        it: said.pop(it) for it, kind in OURS.items() if it in said and isinstance(said[it], kind)
    }
    asked = RequestOptions(
        tenant=request.headers.get("x-tenant", ""),
        id=request.headers.get("x-request-id"),
        parameters=said,
        **{name: value for name, value in ours.items() if value is not None},
    )
    return messages, asked, stream


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
        yield sse_event({"error": body_of(error)})


async def refused(_: Request, error: RouteError) -> Response:
    """Whose fault it was, why, and when to come back."""
    headers = {"retry-after": str(ceil(error.retry_after_s))} if error.retry_after_s else {}
    if isinstance(error, BudgetError):
        headers["x-should-retry"] = "false"  # clients would at once
    return JSONResponse({"error": body_of(error)}, KINDS[kind_of(error)], headers)


KINDS = {
    "invalid_request_error": 400,
    "budget_exceeded": 429,
    "rate_limit_exceeded": 429,
    "server_error": 503,
}
"""What a failure is to the caller, in the words of OpenAI's clients, and its status."""


def body_of(error: RouteError) -> dict[str, Any]:
    """What a caller is told: no address and no deployment, which `error.detail` has."""
    kind = kind_of(error)
    return {"message": str(error), "type": kind, "param": None, "code": kind}


def kind_of(error: RouteError) -> str:
    """One of `KINDS`; what the last attempt came to decides where the request is well formed."""
    if isinstance(error, BudgetError):
        return "budget_exceeded"
    if isinstance(error, RequestError | NoModelError):
        return "invalid_request_error"
    tried = [it.failure for step in error.steps for it in step.feedback.attempts]
    last = failure_classes().get(tried[-1]) if tried else None
    if last is None:
        return "server_error"
    if last.name == "rate":
        return "rate_limit_exceeded"
    theirs = last.fault == "caller" or last.name == "unsupported"
    return "invalid_request_error" if theirs else "server_error"
