"""Make one call: over a model's deployments, with the samples its signals need."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from routelab.core.catalogue import Catalogue, Timeouts
from routelab.core.protocol import Call, Feedback
from routelab.core.request import Request
from routelab.core.signal_spec import SignalSpec
from routelab.runtime.attempt import Attempt, Sink, attempt
from routelab.runtime.cost import combined, completion_tokens, response_cost
from routelab.runtime.upstream import Upstream
from routelab.runtime.wire import NEED, header_list
from routelab.signals import Source, resolve
from routelab.signals.answer_text import answer_text


class Sending(msgspec.Struct, frozen=True):
    """A request, and what goes to every model with it.

    Attributes:
        fields: of the body, passed on as they are.
        sink: takes the answer as it comes, if that is wanted.
    """

    request: Request
    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    sink: Sink | None = None


class Caller:
    """Answers calls from live endpoints.

    Attributes:
        sources: of signals, by name; a signal without one has its default source.
        specs: of signals, for their multipliers.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        upstream: Upstream,
        sources: Mapping[str, Source],
        specs: Mapping[str, SignalSpec],
        timeouts: Timeouts,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self.catalogue = catalogue
        self.sources = sources
        self.specs = specs
        self._upstream = upstream
        self._timeouts = timeouts
        self._clock = clock
        self._wall_clock = wall_clock
        self._warned: set[tuple[str, str]] = set()

    async def call(self, call: Call, sending: Sending) -> Feedback:
        """What came back; a call that nobody answered has an error, never an exception."""
        started = self._clock()
        sources = {name: self._source(name) for name in call.need}
        samples = await self._samples(call, sending, sources)
        first, answers = samples[0][-1], [tries[-1].answer for tries in samples]
        cost_usd, cost_notes = self._cost(call, samples, sources)
        signals, signal_notes = self._read(call.model, sending.request, sources, answers)
        failed = [
            f"{tried.deployment}: {tried.error}"
            for tries in samples
            for tried in tries
            if tried.error
        ]
        return Feedback(
            model=call.model,
            signals=signals,
            cost_usd=cost_usd,
            latency_s=self._clock() - started,
            error=None if first.error is None else "; ".join(failed),
            text=None if first.answer is None else answer_text(first.answer),
            raw=first.answer,
            deployment=first.deployment,
            notes=tuple(dict.fromkeys([*failed, *cost_notes, *signal_notes])),
            completion_tokens=completion_tokens(first.answer),
        )

    def _source(self, name: str) -> Source:
        return self.sources.get(name) or resolve(name, spec=self.specs.get(name))

    async def _samples(
        self, call: Call, sending: Sending, sources: Mapping[str, Source]
    ) -> list[list[Attempt]]:
        """Every sample's tries; all of a sample's tries failed if its last one did."""
        messages = call.messages if call.messages is not None else sending.request.messages
        body = _asking(sources, sending.fields) | {"messages": messages}
        headers = {**sending.headers}
        if call.need:
            headers[NEED] = header_list(sources[name].column or name for name in call.need)
        n = max((source.samples for source in sources.values()), default=1)
        if n == 1:
            sink = sending.sink if call.final else None
            return [await self._sample(call.model, body, headers, sink)]
        return await asyncio.gather(*(self._sample(call.model, body, headers) for _ in range(n)))

    async def _sample(
        self,
        model: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        sink: Sink | None = None,
    ) -> list[Attempt]:
        tries: list[Attempt] = []
        for deployment in self.catalogue.model(model).deployments:
            tried = await attempt(
                self._upstream,
                deployment,
                body,
                headers,
                self._timeouts,
                clock=self._clock,
                wall_clock=self._wall_clock,
                sink=sink,
            )
            tries.append(tried)
            if tried.error is None or not tried.elsewhere or tried.delivered:
                break
        return tries

    def _cost(
        self, call: Call, samples: list[list[Attempt]], sources: Mapping[str, Source]
    ) -> tuple[float, list[str]]:
        """USD of all tries, added in order; a failed one costs what is known of it."""
        model = self.catalogue.model(call.model)
        specs = (self.specs.get(name) for name in call.need if sources[name].column)
        multiplier = combined([s.multiplier for s in specs if s and s.multiplier is not None])
        total, notes = 0.0, []
        for tried in (tried for tries in samples for tried in tries):
            cost = response_cost(model, tried.body or {}, multiplier)
            if tried.error is None and cost.note:
                notes.append(f"{tried.deployment}: {cost.note}")
            if tried.error is None and cost.fix:
                self._warn(call.model, "cost", f"model {call.model!r}: {cost.note}; {cost.fix}")
            if tried.error is None or not math.isnan(cost.usd):
                total += cost.usd
        return total, notes

    def _read(
        self,
        model: str,
        request: Request,
        sources: Mapping[str, Source],
        bodies: list[Mapping[str, Any] | None],
    ) -> tuple[dict[str, float], list[str]]:
        if bodies[0] is None:
            return dict.fromkeys(sources, math.nan), []
        readings = {name: source.read(request, bodies) for name, source in sources.items()}
        for name, reading in readings.items():
            if reading.fix:
                why = f"{reading.note}; {reading.fix.replace('NAME', repr(name))}"
                told = f"model {model!r} gives no signal {name!r}, so it escalates: {why}"
                self._warn(model, f"signal {name}", told)
        notes = [
            f"signal {name!r} ({sources[name]}): {reading.note}"
            for name, reading in readings.items()
            if reading.note
        ]
        return {name: reading.value for name, reading in readings.items()}, notes

    def _warn(self, model: str, lacking: str, message: str) -> None:
        """Once for each model and what its answers lack."""
        if (model, lacking) not in self._warned:
            self._warned.add((model, lacking))
            warnings.warn(message, UserWarning, stacklevel=2)


def _asking(sources: Mapping[str, Source], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The user's fields with what the signals need laid over them."""
    body = dict(fields)
    for source in sources.values():
        for field, value in source.fields.items():
            mine = body.get(field)
            wider = field == "top_logprobs" and isinstance(mine, int) and mine > value
            body[field] = mine if wider else value
    return body
