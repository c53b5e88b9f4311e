"""Make one call, with the samples its signals need."""

from __future__ import annotations

import asyncio
import functools
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from routelab.core import Call, Feedback, Request, SignalSpec, cancelled
from routelab.runtime.attempts import PieceSink, ServedPrices, combined_multiplier
from routelab.runtime.calls.accounting import CallAccount, account
from routelab.runtime.calls.gates import GateChecker
from routelab.runtime.calls.signals import SignalReader
from routelab.runtime.calls.warn_once import WarnOnce
from routelab.runtime.engine import Engine, SampleAttempt, SampleRequest, SampleResult
from routelab.runtime.trace_context import RequestTracer, TraceContext
from routelab.runtime.wire import NEED, READS, SAMPLE, header_list
from routelab.signals import SignalSource, answer_parts, answer_text, resolve


class Sending(msgspec.Struct, frozen=True):
    """A request, and what goes to every model with it.

    Attributes:
        fields: of the body, passed on as they are.
        sink: takes the answer as it comes, if that is wanted.
        deadline: of the router's clock.
        able: whether a model that the policy did not ask for may serve a call.
        room: asked before an attempt that follows one which failed, and cost so many USD as far as
            is known; gives why there is no money for it, or None.
        context: of the trace that whoever asks is in.
        trace: follows the request, once it is under way.
    """

    request: Request
    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    sink: PieceSink | None = None
    deadline: float = math.inf
    able: Callable[[str, Call], bool] = lambda _model, _call: True
    room: Callable[[SampleAttempt, float], Awaitable[str | None]] | None = None
    context: TraceContext | None = None
    trace: RequestTracer | None = None


class Caller:
    """Answers calls from live endpoints.

    Attributes:
        prices: of whichever model answers.
        sources: of signals, by name; a signal without one has its default source.
        specs: of signals, for their multipliers.
    """

    def __init__(
        self,
        prices: ServedPrices,
        engine: Engine,
        sources: Mapping[str, SignalSource],
        specs: Mapping[str, SignalSpec],
        gates: GateChecker,
        clock: Callable[[], float],
    ) -> None:
        self.prices = prices
        self.sources = sources
        self.specs = specs
        self._engine = engine
        self._gates = gates
        self._clock = clock
        self._warn = WarnOnce()
        self._reader = SignalReader(self._warn)

    async def call(self, call: Call, sending: Sending, attempts: list[SampleAttempt]) -> Feedback:
        """The feedback of a call; one that nobody answered has an error, and raises nothing.

        Args:
            call: that the policy asks for.
            sending: the request, and what goes to every model with it.
            attempts: every attempt is added when it ends, for those who cancel the call.
        """
        started = self._clock()
        sources = self._of(call)
        samples = await self._samples(call, sending, sources, attempts)
        money = self._account(call, attempts)
        answers = [None if it.last is None else it.last.result.body for it in samples]
        last = samples[0].last
        model = call.model if last is None else last.model
        signals, signal_notes = self._reader.read(model, sending.request, sources, answers)
        failed = [
            f"{it.result.deployment}: {it.result.error}" for it in attempts if it.result.error
        ]
        error = told = None
        if last is None:
            error = "; ".join([*_counted(failed), *samples[0].reasons, *samples[0].troubles])
            words = [it.result.told for it in attempts if it.result.error]
            told = "; ".join([*_counted(words), *samples[0].reasons])
        self._tell_operator(attempts)
        seen = Feedback(
            model=model,
            signals=signals,
            cost_usd=money.usd,
            latency_s=self._clock() - started,
            error=error,
            text=None if answers[0] is None else _said(answers[0]),
            raw=answers[0],
            deployment=_deployment(last, attempts),
            notes=tuple(dict.fromkeys([*failed, *money.notes, *signal_notes])),
            completion_tokens=_completion_tokens(last, attempts, money),
            attempts=money.attempts,
            retry_after_s=samples[0].retry_after_s,
            told=told,
        )
        return await self._gates.judge(call, sending.request, seen, sending.deadline)

    def cancelled(self, call: Call, attempts: Sequence[SampleAttempt]) -> Feedback:
        """The feedback of a call that another one made needless, its cost so far included.

        Args:
            call: that was cancelled.
            attempts: made for it.
        """
        money = self._account(call, attempts)
        return msgspec.structs.replace(
            cancelled(call), cost_usd=money.usd, attempts=money.attempts, notes=money.notes
        )

    def charged(self, call: Call) -> tuple[int, float]:
        """How many answers a call takes, and the cost of each as a multiple of one without signals.

        Args:
            call: with the signals it needs.
        """
        if not call.need:
            return 1, 1.0
        sources = self._of(call)
        specs = (self.specs.get(name) for name in call.need if sources[name].column)
        multiplier = combined_multiplier(
            [s.multiplier for s in specs if s and s.multiplier is not None]
        )
        return max((source.samples for source in sources.values()), default=1), multiplier

    def _of(self, call: Call) -> dict[str, SignalSource]:
        if not call.need:
            return {}
        return {
            name: self.sources.get(name) or resolve(name, spec=self.specs.get(name))
            for name in call.need
        }

    async def _samples(
        self,
        call: Call,
        sending: Sending,
        sources: Mapping[str, SignalSource],
        attempts: list[SampleAttempt],
    ) -> list[SampleResult]:
        messages = call.messages if call.messages is not None else sending.request.messages
        body = _asking(sources, sending.fields)
        question = SampleRequest(
            call.model,
            body | {"messages": messages},
            {**sending.headers, **_asked_of(sources)} if sources else sending.headers,
            sending.deadline,
            lambda name: sending.able(name, call),
            sink=sending.sink if call.final else None,
            ours=frozenset(body.keys() - sending.fields.keys()) if sources else frozenset(),
            room=None
            if sending.room is None
            else functools.partial(self._room, call, sending.room),
            tenant=sending.request.tenant,
            trace=sending.trace,
        )
        n = max(it.samples for it in sources.values()) if sources else 1
        if n == 1:
            return [await self._engine.ask(_nth(question, call.sample), attempts)]
        alike = (
            _nth(msgspec.structs.replace(question, sample=k, sink=None), call.sample * n + k)
            for k in range(n)
        )
        return await asyncio.gather(*(self._engine.ask(one, attempts) for one in alike))

    async def _room(
        self,
        call: Call,
        room: Callable[[SampleAttempt, float], Awaitable[str | None]],
        failed: SampleAttempt,
    ) -> str | None:
        """Why there is no money for another attempt, or None."""
        cost_usd = account((failed,), self.prices, self.charged(call)[1]).usd
        return await room(failed, cost_usd)

    def _tell_operator(self, attempts: Sequence[SampleAttempt]) -> None:
        """Warn of what an operator has to mend: others answer, so that nobody would notice."""
        for it in attempts:
            result, failure = it.result, it.result.failure
            if result.error is not None and failure.warns:
                lacking = f"{failure.name} {result.status}"
                said = f"{_where(it)}: {result.error}"
                self._warn(result.deployment, lacking, said, loud=failure.fault == "account")
            if it.learned:
                self._warn(result.deployment, "quirks", _learned(it))

    def _account(self, call: Call, attempts: Sequence[SampleAttempt]) -> CallAccount:
        money = account(attempts, self.prices, self.charged(call)[1])
        for model, cost in money.unknown:
            self._warn(model, "cost", f"model {model!r}: {cost.note}; {cost.fix}")
        for model, what, sentence in money.remarks:
            self._warn(model, what, f"model {model!r}: {sentence}")
        return money


def _said(body: Mapping[str, Any]) -> str:
    """The first choice in its canonical form, as votes, gates and logs read it."""
    text = answer_text(body)
    return text if text else next((it.identity for it in answer_parts(body)), "")


def _learned(made: SampleAttempt) -> str:
    """What was learned of a deployment, and how to say so beforehand."""
    fields = ", ".join(map(repr, sorted(made.learned)))
    listed = ", ".join(f'"{it}"' for it in sorted(made.learned))
    return (
        f"{made.result.deployment} refuses {fields}, which routelab adds to requests: it is asked"
        " without from now on, so that signals made of it, or the cost of streams, may not be"
        f" known; say so in the catalogue: quirks = {{ drop = [{listed}] }}"
    )


def _where(failed: SampleAttempt) -> str:
    """A deployment at which something is to be mended."""
    where = failed.result.deployment
    return f"{where} is not asked" if failed.result.kind == "key" else f"{where} refuses requests"


def _counted(reasons: list[str]) -> list[str]:
    """Each text once, with how often it came."""
    return [it if n == 1 else f"{it} ({n} times)" for it, n in Counter(reasons).items()]


def _deployment(last: SampleAttempt | None, attempts: Sequence[SampleAttempt]) -> str | None:
    """That answered, or that failed last."""
    attempt = last or (attempts[-1] if attempts else None)
    return None if attempt is None else attempt.result.deployment


def _completion_tokens(
    last: SampleAttempt | None, attempts: Sequence[SampleAttempt], money: CallAccount
) -> float:
    """Of the attempt that answered."""
    counted = zip(attempts, money.attempts, strict=True)
    return next((paid.completion_tokens for it, paid in counted if it is last), math.nan)


def _asked_of(sources: Mapping[str, SignalSource]) -> dict[str, str]:
    """Headers that name the signals a call needs."""
    if not sources:
        return {}
    columns = [source.column for source in sources.values() if source.column]
    reads = [f"{name}={source}" for name, source in sources.items() if not source.column]
    headers = {NEED: columns, READS: reads}
    return {header: header_list(names) for header, names in headers.items() if names}


def _nth(question: SampleRequest, sample: int) -> SampleRequest:
    """The question as it is asked of a model that was asked the same so often before."""
    if not sample:
        return question
    headers = {**question.headers, SAMPLE: str(sample)}
    return msgspec.structs.replace(question, headers=headers)


def _asking(sources: Mapping[str, SignalSource], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The user's fields with what the signals need laid over them."""
    body = dict(fields)
    for source in sources.values():
        for field, value in source.fields.items():
            mine = body.get(field)
            wider = field == "top_logprobs" and isinstance(mine, int) and mine > value
            body[field] = mine if wider else value
    return body
