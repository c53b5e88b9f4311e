"""Deployments that answer from a log, in virtual time, with faults and lines to wait in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio

from routelab.core import uniform
from routelab.core.catalogue import Catalogue, Deployment
from routelab.logs.model import Log
from routelab.runtime import (
    NEED,
    REQUEST_ID,
    SAMPLE,
    OpenReply,
    OutgoingRequest,
    Reply,
    UpstreamError,
    encode_json,
    header_text,
    header_texts,
)
from routelab.runtime.attempts import DONE, sse_event, word_chunks
from routelab.runtime.engine import Bucket
from routelab.simulate.answers import Outcomes, ReplayError, asked_candidate
from routelab.simulate.attempt_plan import AttemptPlan
from routelab.simulate.faults import REJECT_S
from routelab.simulate.latency import LatencyModel
from routelab.simulate.scenario import Scenario


@dataclass
class Visit:
    """One request on its way, as the simulated deployments know it.

    Attributes:
        row: of the log.
        attempts: by model and deployment, how often it was tried there.
    """

    row: int
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)


class DeploymentQueue:
    """Who is being served at a deployment, and who waits.

    Args:
        places: served at once; None for no limit.
    """

    def __init__(self, places: int | None) -> None:
        self.waiting = 0
        self._places = None if places is None else asyncio.Semaphore(places)

    async def enter(self) -> None:
        """Wait for a place, first come first served; whoever enters leaves."""
        if self._places is not None:
            self.waiting += 1
            try:
                await self._places.acquire()
            finally:
                self.waiting -= 1

    def leave(self) -> None:
        """Give the place to the next one."""
        if self._places is not None:
            self._places.release()


class SimulatedUpstream:
    """The runtime's upstream, answering from a log.

    Attributes:
        visits: requests on their way, by id; whoever sends a request enters it here.
        lines: by model and deployment, those that were called so far.
        n_attempts: how many there were.
        struck: how many of them a fault changed, by model and address.
        unwaited_usd: what whole answers cost that nobody waited for, or whose connection broke;
            by model and address. A router pays for none but the pieces of them that it saw.

    Args:
        models: address and upstream name of each deployment to the models that it serves: one,
            or candidates that are told apart by their parameters.
        catalogue: of these models.
        clock: virtual seconds since the first arrival.
        texts: whether anybody reads the text of answers.
    """

    def __init__(
        self,
        log: Log,
        latency: LatencyModel,
        scenario: Scenario,
        models: Mapping[tuple[str, str], Sequence[str]],
        catalogue: Catalogue,
        *,
        clock: Callable[[], float],
        seed: int,
        texts: bool,
    ) -> None:
        self.visits: dict[str, Visit] = {}
        self.lines: dict[tuple[str, str], DeploymentQueue] = {}
        self.n_attempts = 0
        self.struck: Counter[tuple[str, str]] = Counter()
        self.unwaited_usd: dict[tuple[str, str], float] = {}
        self._log = log
        self._outcomes = Outcomes(log, texts=texts)
        self._latency = latency
        self._scenario = scenario
        self._models = models
        self._known = catalogue.models
        self._clock = clock
        self._seed = seed
        self._granted: dict[str, Bucket] = {}

    async def send(self, outgoing: OutgoingRequest) -> Reply:
        model, visit, sample, plan = self._begun(outgoing)
        await self._connect(plan)
        if plan.status != 200:
            return await _turned_away(plan)
        line = self._line(model, outgoing.deployment)
        await line.enter()
        try:
            if plan.silent_after is not None:
                await anyio.sleep_forever()
            if plan.cut_after is not None:
                await asyncio.sleep(plan.after_s(plan.cut_after))
                raise UpstreamError("the connection broke before the answer was complete", "cut")
            await asyncio.sleep(plan.whole_s)
        except (asyncio.CancelledError, UpstreamError):
            self._left(outgoing, model, visit, sample, plan)
            raise
        finally:
            line.leave()
        return self._answer(outgoing, model, visit, sample, plan)

    @asynccontextmanager
    async def stream(self, outgoing: OutgoingRequest) -> AsyncIterator[OpenReply]:
        model, visit, sample, plan = self._begun(outgoing)
        await self._connect(plan)
        if plan.status != 200:
            reply = await _turned_away(plan)
            yield OpenReply(reply.status, _whole(reply), reply.headers)
            return
        line = self._line(model, outgoing.deployment)
        await line.enter()
        try:
            if plan.silent_after == 0.0:
                await anyio.sleep_forever()
            reply = self._answer(outgoing, model, visit, sample, plan)
            if reply.status != 200:
                yield OpenReply(reply.status, _whole(reply), reply.headers)
            else:
                left = partial(self._left, outgoing, model, visit, sample, plan)
                pieces = _flowing(reply, plan, left)
                yield OpenReply(200, pieces, {"content-type": "text/event-stream"})
        finally:
            line.leave()

    def hide(self, deployment: Deployment, text: str) -> str:
        return text

    def _begun(self, outgoing: OutgoingRequest) -> tuple[str, Visit, Outcomes, AttemptPlan]:
        """Who asks whom, and how that will go."""
        at = outgoing.deployment
        served = self._models[at.base_url, at.model]
        model = served[0]
        if len(served) > 1:
            model = asked_candidate(served, self._known, outgoing.body)
        request_id = header_text(outgoing.headers[REQUEST_ID])
        visit = self.visits[request_id]
        nth = visit.attempts.get((model, at.base_url), 0)
        visit.attempts[model, at.base_url] = nth + 1
        draw = partial(self._draw, f"{request_id}\x1f{model}\x1f{at.base_url}\x1f{nth}")
        sample = self._outcomes.sample(outgoing.headers.get(SAMPLE))
        column = self._log.models.index(model)
        tokens = sample.tokens(visit.row, column)
        first_s, between_s = self._latency.work(visit.row, column, tokens, draw)
        plan = AttemptPlan(self._clock(), at.base_url, tokens, first_s, between_s, draw)
        self.n_attempts += 1
        striking = [
            (index, fault)
            for index, fault in enumerate(self._scenario.faults)
            if fault.strikes(model, at, plan.now_s)
        ]
        if striking:
            before = replace(plan)
            for index, fault in striking:
                fault.alter(plan, f"fault {index}", self._granted)
            if plan != before:
                self.struck[model, at.base_url] += 1
        return model, visit, sample, plan

    def _draw(self, key: str, name: str) -> float:
        return uniform(self._seed, key, name)

    async def _connect(self, plan: AttemptPlan) -> None:
        if plan.refused:
            raise UpstreamError("ConnectError: connection refused", "connect")
        if plan.silent_after == 0.0:
            await anyio.sleep_forever()

    def _line(self, model: str, at: Deployment) -> DeploymentQueue:
        key = model, at.base_url
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = DeploymentQueue(self._scenario.places(model))
        return line

    def _left(
        self,
        outgoing: OutgoingRequest,
        model: str,
        visit: Visit,
        sample: Outcomes,
        plan: AttemptPlan,
    ) -> None:
        """Remember what an answer under way costs, as nobody will pay for it here."""
        column, need = self._log.models.index(model), header_texts(outgoing.headers.get(NEED, ""))
        cost_usd = sample.cost_usd(visit.row, column, need) or 0.0
        key = model, outgoing.deployment.base_url
        self.unwaited_usd[key] = self.unwaited_usd.get(key, 0.0) + cost_usd * plan.price

    def _answer(
        self,
        outgoing: OutgoingRequest,
        model: str,
        visit: Visit,
        sample: Outcomes,
        plan: AttemptPlan,
    ) -> Reply:
        if plan.malformed:
            return Reply(200, b'{"choices": [{"message": {"role": "assistant", "content": "cut o')
        column = self._log.models.index(model)
        need = header_texts(outgoing.headers.get(NEED, ""))
        try:
            body: dict[str, Any] = sample.completion(visit.row, column, model, need)
        except ReplayError as error:
            return Reply(error.status, error.body, error.headers)
        if plan.price != 1.0 and (cost := body["usage"]["cost"]) is not None:
            body["usage"]["cost"] = cost * plan.price
        body["routelab"]["quality"] = sample.quality(visit.row, column) * plan.quality
        return Reply(200, body)


async def _turned_away(plan: AttemptPlan) -> Reply:
    await anyio.sleep(REJECT_S)
    headers = {}
    if plan.retry_after_s is not None:
        headers["retry-after"] = f"{plan.retry_after_s:.3f}"
    error = {"message": "turned away by the scenario", "type": "simulated"}
    return Reply(plan.status, {"error": error}, headers)


async def _whole(reply: Reply) -> AsyncGenerator[bytes]:
    yield encode_json(reply.body)


async def _flowing(
    reply: Reply, plan: AttemptPlan, left: Callable[[], None]
) -> AsyncGenerator[bytes]:
    """An answer as server-sent events, each piece when its tokens would have come.

    Args:
        left: called where it ends before the answer does.
    """
    assert not isinstance(reply.body, bytes) or plan.malformed
    if isinstance(reply.body, bytes):
        await anyio.sleep(plan.first_token_s)
        yield b"data: " + reply.body + b"\n\n"
        return
    pieces = list(word_chunks(reply.body, usage=True))
    done_s = 0.0
    try:
        for at, piece in enumerate(pieces):
            tokens = 1.0 + (plan.tokens - 1.0) * at / max(1, len(pieces) - 1)
            at_s = plan.after_s(tokens)
            await anyio.sleep(at_s - done_s)
            done_s = at_s
            if plan.silent_after is not None and tokens > plan.silent_after:
                await anyio.sleep_forever()
            if plan.cut_after is not None and tokens > plan.cut_after:
                raise UpstreamError("the connection broke before the answer was complete", "cut")
            yield sse_event(piece)
    except (asyncio.CancelledError, GeneratorExit, UpstreamError):
        left()
        raise
    yield DONE
