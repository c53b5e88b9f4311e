"""The methods of the service: each turns messages into requests of the gateway and answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

import grpc

from routelab.runtime import REQUEST_ID, TraceContext, encode_json, read_trace
from routelab.serve.callers import NOBODY, Identity
from routelab.serve.chat_request import header_said
from routelab.serve.config import GrpcRules
from routelab.serve.connections import HeaderFields, header_fields
from routelab.serve.entries import DecisionEntry, FeedbackEntry
from routelab.serve.gateway import OURS, ChatVisit
from routelab.serve.grpc import router_pb2 as pb
from routelab.serve.grpc.grpc_messages import (
    chat_body,
    decide_reply,
    decision_body,
    feedback_body,
    route_piece,
    route_reply,
)
from routelab.serve.grpc.grpc_refusal import details, status_code, trailing_metadata
from routelab.serve.grpc.router_stub import SERVICE
from routelab.serve.refusal import CallerLeftError, RefusedError
from routelab.serve.service import Service

_log = logging.getLogger("routelab")

ENTRY = "grpc"
_LATE_S = 0.02
"""Before its deadline a call that fails has failed for want of time."""
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class RouterEntry:
    """Answers over gRPC.

    Args:
        service: that answers.
        decision, feedback: the entries of the same over HTTP.
        rules: of slow readers.
    """

    def __init__(
        self,
        service: Service,
        decision: DecisionEntry,
        feedback: FeedbackEntry,
        rules: GrpcRules,
    ) -> None:
        self._service = service
        self._gateway = service.gateway
        self._decision = decision
        self._feedback = feedback
        self._rules = rules
        self._depth = service.config.limits.body_depth

    def handlers(self) -> grpc.GenericRpcHandler:
        """The methods by name, for a server."""
        behaviors = {
            "Route": self.route,
            "Stream": self.stream,
            "Decide": self.decide,
            "Feedback": self.feedback,
        }
        found = {}
        for method in pb.DESCRIPTOR.services_by_name["Router"].methods:
            make = (
                grpc.unary_stream_rpc_method_handler
                if method.server_streaming
                else grpc.unary_unary_rpc_method_handler
            )
            found[method.name] = make(
                behaviors[method.name],
                request_deserializer=getattr(pb, method.input_type.name).FromString,
                response_serializer=getattr(pb, method.output_type.name).SerializeToString,
            )
        return grpc.method_handlers_generic_handler(SERVICE, found)

    async def route(self, request: pb.RouteRequest, context: Context) -> pb.RouteReply:
        """Answer as a whole."""
        async with self._refusals(context) as seen:
            visit = await self._admitted(request, context, seen)
            seen.admitted = True
            with visit:
                await _begin(context, visit.id, visit.policy)
                answer = await visit.answer()
                account = answer.body[OURS]
                body = encode_json(answer.body)
                reply = route_reply(account, answer.body.get("choices"), body)
        return reply

    async def stream(self, request: pb.RouteRequest, context: Context) -> None:
        """Answer in pieces; who does not read one in time is hung up on."""
        async with self._refusals(context) as seen:
            visit = await self._admitted(request, context, seen)
            seen.admitted = True
            with visit:
                visit.stream = True
                async with aclosing(visit.pieces()) as pieces:
                    first = await anext(pieces)  # what fails before it has told nothing yet
                    await _begin(context, visit.id, visit.policy)
                    await self._write(context, first)
                    async for piece in pieces:
                        await self._write(context, piece)

    async def decide(self, request: pb.DecideRequest, context: Context) -> pb.DecideReply:
        """Say what to call next, or which answer to deliver."""
        async with self._refusals(context) as seen:
            seen.caller = self._caller(context)
            body = await decision_body(request, self._depth)
            decided = await self._decision.decided(
                body, seen.caller, _request_id(context), ENTRY, _trace(context)
            )
            await _begin(context, decided.id, decided.policy)
            reply = decide_reply(decided.said)
        return reply  # noqa: RET504  (the block may swallow what it returns, as mypy reads it)

    async def feedback(self, request: pb.FeedbackRequest, context: Context) -> pb.FeedbackReply:
        """Take a judgement."""
        async with self._refusals(context) as seen:
            seen.caller = self._caller(context)
            said = await self._feedback.judgement(feedback_body(request), seen.caller)
            reply = pb.FeedbackReply(**said)
        return reply  # noqa: RET504  (the block may swallow what it returns, as mypy reads it)

    async def _admitted(
        self, request: pb.RouteRequest, context: Context, seen: CallSeen
    ) -> ChatVisit:
        seen.caller = self._caller(context)
        left_s: float | None = context.time_remaining()
        deadline_s = None if left_s is None else max(left_s, _LATE_S)
        body = await chat_body(request, self._depth, deadline_s)
        return self._gateway.admit(ENTRY, body, seen.caller, _request_id(context), _trace(context))

    def _caller(self, context: Context) -> Identity:
        headers = _metadata(context)
        return self._service.doorkeeper.caller(headers, peer_address(context.peer()))

    async def _write(self, context: Context, chunk: Mapping[str, Any]) -> None:
        try:
            async with _while_there(context), asyncio.timeout(self._rules.send_s):
                await context.write(route_piece(chunk, chunk.get(OURS)))
        except TimeoutError:
            raise SlowReaderError from None

    @asynccontextmanager
    async def _refusals(self, context: Context) -> AsyncIterator[CallSeen]:
        """End the call with a status where the block is refused or fails."""
        seen = CallSeen()
        try:
            yield seen
            return
        except RefusedError as refusal:
            failure = refusal
            if not seen.admitted:
                self._gateway.refused(ENTRY, refusal, seen.caller)
        except SlowReaderError:
            await context.abort(grpc.StatusCode.ABORTED, "what was sent was not read in time")
        except CallerLeftError:
            return
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:  # noqa: BLE001  (the other calls go on)
            self._service.events.event("broken", "error", entry=ENTRY, error=type(error).__name__)
            _log.error("a call of gRPC failed", exc_info=error)
            failure = _BROKEN
        left_s: float | None = context.time_remaining()
        late = left_s is not None and left_s <= _LATE_S
        code = grpc.StatusCode.DEADLINE_EXCEEDED if late else status_code(failure)
        await context.abort(code, details(failure), trailing_metadata(failure))


class CallSeen:
    """What is known of a call so far.

    Attributes:
        caller: who made it.
        admitted: it is counted as a request.
    """

    def __init__(self) -> None:
        self.caller = NOBODY
        self.admitted = False


class SlowReaderError(CallerLeftError):
    """Whoever asked does not read what is sent."""


def peer_address(peer: str) -> str | None:
    """The address in what gRPC calls a peer, such as `ipv4:10.0.0.1:4711`; None without one."""
    family, _, rest = unquote(peer).partition(":")
    if family not in ("ipv4", "ipv6"):
        return None
    return rest.rpartition(":")[0].strip("[]").partition("%")[0]


async def _begin(context: Context, decision: str, policy: str) -> None:
    """Say who decides before the answer is there."""
    async with _while_there(context):
        await context.send_initial_metadata(
            (("x-routelab-decision", quote(decision)), ("x-routelab-policy", quote(policy)))
        )


@asynccontextmanager
async def _while_there(context: Context) -> AsyncIterator[None]:
    """Send what the block sends.

    Raises:
        CallerLeftError: the call is over, which grpcio tells by an error of its own where something
            waits to be sent.
    """
    try:
        yield
    except Exception as error:
        if context.done():
            raise CallerLeftError from error
        raise


def _request_id(context: Context) -> str | None:
    given = _metadata(context).get(REQUEST_ID)
    return header_said(given) if given else None


def _trace(context: Context) -> TraceContext | None:
    """That the caller is in."""
    pairs = context.invocation_metadata() or ()
    return read_trace((name, value) for name, value in pairs if isinstance(value, str))


def _metadata(context: Context) -> HeaderFields:
    """As headers of HTTP."""
    pairs = context.invocation_metadata() or ()
    return header_fields([(name, value) for name, value in pairs if isinstance(value, str)])


_BROKEN = RefusedError(500, "the server failed; its log says why", "broken", kind="server_error")
