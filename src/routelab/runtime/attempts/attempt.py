"""One attempt of a call at one deployment."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from routelab.core.catalogue import Deployment, Timeouts
from routelab.core.messages import foreign
from routelab.runtime.attempts.caller_words import caller_words
from routelab.runtime.attempts.classify import (
    AttemptResult,
    choices_asked,
    classify,
    classify_in_turns,
    failed,
    late,
)
from routelab.runtime.attempts.shaping import STREAM_OPTIONS, shaped
from routelab.runtime.attempts.streamed_attempt import PieceSink, streamed
from routelab.runtime.attempts.usage import Exchange
from routelab.runtime.upstream import OutgoingRequest, Upstream, UpstreamError

__all__ = ["AttemptResult", "PieceSink", "attempt"]


async def attempt(
    upstream: Upstream,
    deployment: Deployment,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    timeouts: Timeouts,
    *,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    sink: PieceSink | None = None,
    omit: Collection[str] = (),
) -> AttemptResult:
    """Ask one deployment once; failures are in the result, never raised.

    Args:
        upstream: that sends.
        deployment: to ask.
        body: of the request.
        headers: names in lower case.
        timeouts: in seconds.
        clock: seconds, for latencies.
        wall_clock: Unix time in seconds, for dates in replies.
        sink: is given the answer piece by piece; without one the answer is not streamed.
        omit: fields that the deployment was found to refuse.
    """
    started = clock()
    sent = shaped(body, deployment, stream=sink is not None, omit=omit)
    outgoing = OutgoingRequest(deployment, sent, headers, timeouts)
    if sink is None:
        result = await _whole(upstream, outgoing, wall_clock)
    else:
        asked = bool((body.get(STREAM_OPTIONS) or {}).get("include_usage"))
        result = await streamed(upstream, outgoing, sink, clock, wall_clock, usage_asked=asked)
    took_s, first_s = clock() - started, result.first_token_s - started
    if result.error is None:
        exchange = Exchange(sent, result.exchange.pieces)
        return msgspec.structs.replace(
            result, latency_s=took_s, first_token_s=first_s, exchange=exchange
        )
    result = msgspec.structs.replace(
        result,
        error=foreign(upstream.hide(deployment, result.error)),
        objection=upstream.hide(deployment, result.objection),
        latency_s=took_s,
        first_token_s=first_s,
    )
    return msgspec.structs.replace(result, told=caller_words(deployment, result))


async def _whole(
    upstream: Upstream, outgoing: OutgoingRequest, wall_clock: Callable[[], float]
) -> AttemptResult:
    limit = outgoing.timeouts.total_s
    asked = choices_asked(outgoing.body)
    try:
        async with asyncio.timeout(None if math.isinf(limit) else limit):
            reply = await upstream.send(outgoing)
            if type(reply.body) is bytes:  # no object of JSON, or too much of it
                return await classify_in_turns(outgoing.deployment, reply, wall_clock(), asked)
    except TimeoutError:
        return late(outgoing, f"no answer in {limit:g} s")
    except UpstreamError as error:
        return failed(outgoing.deployment, str(error), error.kind)
    return classify(outgoing.deployment, reply, wall_clock(), asked)
