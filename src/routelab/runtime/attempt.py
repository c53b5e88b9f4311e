"""One try of a call at one deployment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import msgspec

from routelab.core.catalogue import Deployment, Timeouts
from routelab.runtime.outcome import Attempt, failed, judged
from routelab.runtime.stream.streamed import Sink, streamed
from routelab.runtime.upstream import Asked, Upstream, UpstreamError

__all__ = ["Attempt", "Sink", "attempt"]


async def attempt(
    upstream: Upstream,
    deployment: Deployment,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    timeouts: Timeouts,
    *,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
    sink: Sink | None = None,
) -> Attempt:
    """Ask one deployment once; whatever goes wrong there is in the result.

    Args:
        clock: seconds, for latencies.
        wall_clock: Unix time in seconds, for dates in replies.
        sink: is given the answer piece by piece; without one the answer is not streamed.
    """
    started = clock()
    asked = Asked(deployment, {**body, "model": deployment.model}, headers, timeouts)
    if sink is None:
        tried = await _whole(upstream, asked, wall_clock)
    else:
        tried = await streamed(upstream, asked, sink, clock, wall_clock)
    return msgspec.structs.replace(
        tried,
        error=None if tried.error is None else upstream.hide(deployment, tried.error),
        latency_s=clock() - started,
        first_token_s=tried.first_token_s - started,
    )


async def _whole(upstream: Upstream, asked: Asked, wall_clock: Callable[[], float]) -> Attempt:
    limit = asked.timeouts.total_s
    try:
        with anyio.fail_after(None if math.isinf(limit) else limit):
            reply = await upstream.send(asked)
    except TimeoutError:
        return failed(asked.deployment, f"no answer in {limit:g} s", "timeout")
    except UpstreamError as error:
        return failed(asked.deployment, str(error), error.kind)
    return judged(asked.deployment, reply, wall_clock())
