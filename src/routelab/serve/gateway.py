"""The core behind every entry: lets requests in and has a router answer them; decides nothing."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from routelab.core import Request
from routelab.errors import PolicyError, RequestError, RouteError
from routelab.runtime import RequestOptions, RoutedAnswer, TraceContext
from routelab.runtime.redaction import Redactor
from routelab.runtime.requests import new_request_id, sending
from routelab.serve.account import account, decided_headers
from routelab.serve.callers import Identity
from routelab.serve.chat_request import (
    ChatRequest,
    checked_id,
    read_chat,
    redacted_chat,
    request_problems,
)
from routelab.serve.decisions import PolicyDecider
from routelab.serve.delivery import Outbox, answered, failed
from routelab.serve.event_log import EventLog
from routelab.serve.limits import LimitKeeper
from routelab.serve.refusal import CallerLeftError, RefusedError, of_error
from routelab.serve.roster import Roster
from routelab.serve.served_policy import ServedPolicy
from routelab.serve.shared_parts import UnderWay
from routelab.serve.telemetry import DecidedRequest

_EARLIER = 16
"""Policies that were replaced, and can still end what they began."""

_T = TypeVar("_T")

OURS = "routelab"
"""Of an answer, what it took."""


class GatewayAnswer(msgspec.Struct, frozen=True):
    """An answer as every entry delivers it.

    Attributes:
        body: the chat completion, with a `routelab` object.
        routed: how it came about.
    """

    body: dict[str, Any]
    routed: RoutedAnswer


class Gateway:
    """Lets requests in and has them answered.

    Attributes:
        roster: the policies served now; another takes its place when files change.
        totals: requests by entry and status, refusals by code, and reloads by how they went.
        draining: it is told to stop.
        outbox: that delivers what comes of requests to others than their callers; None for nobody.
        decided: hears of every decision whose calls others make.

    Args:
        roster: the policies.
        limits: of keys, tenants and priorities.
        events: where what happens is written.
        under_way: observes the routers of the policies.
        redactor: takes out of requests what models are not to be told.
    """

    def __init__(
        self,
        roster: Roster,
        limits: LimitKeeper,
        events: EventLog,
        under_way: UnderWay,
        redactor: Redactor | None = None,
    ) -> None:
        self.roster = roster
        self.limits = limits
        self.events = events
        self.totals: Counter[tuple[str, ...]] = Counter()
        self.draining = False
        self.outbox: Outbox | None = None
        self.decided: Callable[[DecidedRequest], None] = lambda _: None
        self.under_way = under_way
        self._redactor = redactor
        self._earlier: deque[PolicyDecider] = deque(maxlen=_EARLIER)

    def take(self, roster: Roster) -> Roster:
        """Serve other policies from now on; decisions that were begun can be ended by the former.

        Returns:
            The former ones, which may have requests under way.
        """
        before, self.roster = self.roster, roster
        self._earlier.extendleft(it.decider for it in before.policies.values())
        return before

    def decider(self, served: ServedPolicy, digest: str) -> PolicyDecider:
        """Who began a decision, to go on with it.

        Args:
            served: the policy of the same name as it is now.
            digest: of the policy that began.
        Raises:
            RefusedError: the policy has changed too often since.
        """
        found = next((it for it in (served.decider, *self._earlier) if it.digest == digest), None)
        if found is None:
            raise RefusedError(
                409,
                f"policy {served.name!r} is another one now than the one that began: begin again,"
                " without token and outcomes",
                "policy_changed",
                param="token",
            )
        return found

    def admit(
        self,
        entry: str,
        body: Mapping[str, Any],
        caller: Identity,
        request_id: str | None = None,
        trace: TraceContext | None = None,
    ) -> ChatVisit:
        """Let a request in; whoever asks then answers it, or streams it, within `with`.

        Args:
            entry: by which it came, for metrics.
            body: of `/v1/chat/completions`.
            caller: who asks.
            request_id: as the caller gave it; a fresh one if None.
            trace: that the caller is in.
        Raises:
            RefusedError: it is malformed, names what is not there, or a limit is reached. Nothing
                was sent.
        """
        chat = self._read(body)
        served = self.roster.find(chat.model, caller)
        options = _options(chat, caller, checked_id(request_id), trace)
        return ChatVisit(self, entry, served, caller, options, chat)

    def question(
        self,
        entry: str,
        body: Mapping[str, Any],
        caller: Identity,
        request_id: str | None = None,
        trace: TraceContext | None = None,
    ) -> Question:
        """Let a request in of which only the decision is wanted; used within `with`.

        Args:
            entry: by which it came, for metrics.
            body: of `/v1/chat/completions`; without messages where the policy reads none.
            caller: who asks.
            request_id: as the caller gave it; a fresh one if None.
            trace: that the caller is in.
        Raises:
            RefusedError: it is malformed, or names what is not there.
        """
        said = {name: value for name, value in body.items() if value is not None}
        chat = self._read({"messages": "", **said})
        served = self.roster.find(chat.model, caller)
        if not chat.messages and served.file.reads_text:
            raise RefusedError(
                400,
                f"policy {served.name!r} reads the text of requests, and this one has none: give"
                " messages",
                "text_needed",
                param="messages",
            )
        options = _options(chat, caller, checked_id(request_id), trace)
        question = Question(self, entry, served, caller, options)
        try:
            question.request = sending(chat.messages, options, {}).request
        except RequestError as error:
            raise request_problems(error) from error
        return question

    def refused(self, entry: str, refusal: RefusedError, caller: Identity | None = None) -> None:
        """Count and write down a refusal that came before a request was let in.

        Args:
            entry: by which it came.
            refusal: why it was refused.
            caller: who sent it; None where that is not known.
        """
        self.totals["refused", refusal.code] += 1
        self.events.refused(entry, refusal, caller)

    def _read(self, body: Mapping[str, Any]) -> ChatRequest:
        chat = read_chat(body)
        return redacted_chat(chat, self._redactor) if self._redactor else chat


class Admitted:
    """A request that was let in; within `with` it is under way, and counted when it is over.

    Attributes:
        id: of the request and its decision.
        policy: that decides, by name.
        stream: the answer is wanted in pieces.
        routed: how the answer came about, once it is complete.
        served: the policy that decides, to the end of the request.
    """

    def __init__(
        self,
        gateway: Gateway,
        entry: str,
        served: ServedPolicy,
        caller: Identity,
        options: RequestOptions,
    ) -> None:
        assert options.id is not None  # it was drawn where none was given
        self.id: str = options.id
        self.policy = served.name
        self.served = served
        self.stream = False
        self.routed: RoutedAnswer | None = None
        self._gateway = gateway
        self._entry = entry
        self._caller = caller
        self._options = options
        self._began_s = time.perf_counter()
        self._cost_usd = 0.0
        self._done = False

    def __enter__(self) -> Self:
        key = self._caller.tenant, self.id
        under_way = self._gateway.under_way
        if key in under_way:
            raise RefusedError(
                409,
                f"request {self.id!r} is under way: give each request an x-request-id of its own,"
                " or leave it out",
                "duplicate_request_id",
            )
        self._entered = self._gateway.limits.enter(self._caller, self._options.priority)
        under_way.enter(*key)
        self.served.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.served.__exit__(kind, error, trace)
        gateway = self._gateway
        spent_usd = gateway.under_way.leave(self._caller.tenant, self.id)
        if not self._done and self._cost_usd == 0.0:
            self._cost_usd = spent_usd  # of a caller that left
        gateway.limits.leave(self._entered, self._cost_usd)
        status = self._status(error)
        self._ended(status, time.perf_counter() - self._began_s)
        if isinstance(error, RefusedError):
            error.fields = {**decided_headers(self.id, self.policy), **error.fields}
        gateway.totals["requests", self._entry, self.policy, status] += 1
        gateway.events.over(
            status,
            time.perf_counter() - self._began_s,
            self.routed,
            entry=self._entry,
            id=self.id,
            policy=self.policy,
            key=self._caller.key,
            tenant=self._caller.tenant,
            cost_usd=self._cost_usd,
            streamed=self.stream,
        )

    def _ended(self, status: str, latency_s: float) -> None:
        """It is over; requests that are answered are told of by their routers."""

    def _status(self, error: BaseException | None) -> str:
        if isinstance(error, RefusedError):
            return error.code
        if isinstance(error, Exception) and not isinstance(error, CallerLeftError):
            return "broken"
        return "answered" if self._done else "cancelled"

    def _failed(self, error: RouteError | PolicyError) -> RefusedError:
        if isinstance(error, RequestError):
            return request_problems(error)
        refusal = of_error(error)
        self._cost_usd = refusal.cost_usd
        return refusal


class Question(Admitted):
    """A request for a decision alone.

    Attributes:
        request: as the policy sees it.
    """

    request: Request

    def decided(self, decide: Callable[[], _T]) -> _T:
        """What is decided.

        Raises:
            RefusedError: nothing can be.
        """
        try:
            found = decide()
        except (RouteError, PolicyError) as error:
            raise self._failed(error) from error
        self._done = True
        return found

    def _ended(self, status: str, latency_s: float) -> None:
        served = self.served
        trace = self._options.trace_context
        decided = DecidedRequest(
            self.request, self._entry, served.name, served.file.digest, status, latency_s, trace
        )
        self._gateway.decided(decided)


class ChatVisit(Admitted):
    """A request for an answer.

    Attributes:
        delivers: what comes of it goes to others than its caller too; False where its entry sees
            to that.

    Args:
        chat: what is asked.
    """

    def __init__(
        self,
        gateway: Gateway,
        entry: str,
        served: ServedPolicy,
        caller: Identity,
        options: RequestOptions,
        chat: ChatRequest,
    ) -> None:
        super().__init__(gateway, entry, served, caller, options)
        self.stream = chat.stream
        self.delivers = True
        self._chat = chat

    async def answer(self) -> GatewayAnswer:
        """The answer as a whole.

        Raises:
            RefusedError: there is none.
        """
        chat = self._chat
        try:
            routed = await self.served.router.route(chat.messages, self._options)
        except (RouteError, PolicyError) as error:
            refusal = self._failed(error)
            await self._deliver(refusal)
            raise refusal from error
        self._over(routed)
        answer = GatewayAnswer({**routed.raw, OURS: account(routed, self.policy)}, routed)
        await self._deliver(answer)
        return answer

    async def pieces(self) -> AsyncGenerator[dict[str, Any], None]:
        """The answer as chunks, of which the last has the `routelab` object.

        A chunk that may be the last is held back until the next one comes; those with text of the
        answer are passed on at once.

        Raises:
            RefusedError: there is no answer, or it broke off.
        """
        held: dict[str, Any] | None = None
        try:
            async with self.served.router.stream(self._chat.messages, self._options) as answer:
                async for piece in answer:
                    if held is not None:
                        yield held
                        held = None
                    told = dict(piece.raw)
                    told.pop(OURS, None)  # of an endpoint, which is no caller's to see
                    if _may_be_last(told):
                        held = told
                    else:
                        yield told
            self._over(answer.routed)
        except (RouteError, PolicyError) as error:
            refusal = self._failed(error)
            await self._deliver(refusal)
            raise refusal from error
        told_account = account(answer.routed, self.policy)
        await self._deliver(GatewayAnswer({**answer.routed.raw, OURS: told_account}, answer.routed))
        last = held or {"object": "chat.completion.chunk", "choices": []}
        yield {**last, OURS: told_account}

    async def _deliver(self, came: GatewayAnswer | RefusedError) -> None:
        """Have what came of it delivered to others than its caller."""
        outbox = self._gateway.outbox
        if outbox is None or not self.delivers:
            return
        told = {
            "id": self.id,
            "entry": self._entry,
            "at_s": time.time(),
            "tenant": self._caller.tenant,
            "task": self._options.task or "",
            "policy": self.policy,
        }
        if isinstance(came, GatewayAnswer):
            await outbox.offer(answered(came.body, came.routed.model, **told))
        else:
            await outbox.offer(failed(came.body, came.status, came.code, **told))

    def _over(self, routed: RoutedAnswer) -> None:
        self.routed, self._cost_usd, self._done = routed, routed.cost_usd, True


def _options(
    chat: ChatRequest, caller: Identity, request_id: str | None, trace: TraceContext | None
) -> RequestOptions:
    """What is asked of the router: who asks is for the caller's key to say, not for the body.

    Raises:
        RefusedError: a field is malformed, or the caller may not ask for this priority.
    """
    given = dict(chat.options)
    priority = given.pop("priority", "") or caller.priority
    if caller.priorities is not None and priority not in caller.priorities:
        raise RefusedError(
            403,
            f"priority={priority!r}: this caller may ask for {', '.join(caller.priorities)}",
            "priority_not_allowed",
            kind="permission_error",
            param="priority",
        )
    try:
        return RequestOptions(
            id=request_id or new_request_id(),
            tenant=caller.tenant,
            priority=priority,
            parameters=chat.parameters,
            trace_context=trace,
            **given,
        )
    except RequestError as error:
        raise request_problems(error) from error


def _may_be_last(piece: Mapping[str, Any]) -> bool:
    """Whether a chunk ends a choice, or holds nothing of any."""
    choices = piece.get("choices")
    return not choices or any(choice.get("finish_reason") for choice in choices)
