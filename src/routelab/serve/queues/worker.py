"""Takes messages of one queue, has them answered, and sees the answers off.

What is kept of a message is in the delivery log before anything is sent, and what is sent is noted
there, so that a worker that is killed at any point leaves a message that the broker gives to
another, who goes on from there: an answer is not asked for again, nor delivered twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from routelab.core.messages import value_text
from routelab.runtime import read_trace
from routelab.serve.callers import Doorkeeper, Identity
from routelab.serve.config import GatewayLimits
from routelab.serve.delivery import (
    AnswerClaim,
    DeliveredOutcome,
    Outbox,
    answered,
    failed,
    told_body,
)
from routelab.serve.gateway import Gateway
from routelab.serve.queues.broker import MessageBroker
from routelab.serve.queues.message import (
    SECRETS,
    PoisonError,
    Publication,
    QueueMessage,
    QueueRequest,
    read_message,
)
from routelab.serve.refusal import RefusedError, malformed
from routelab.serve.settings import QueueRules

_log = logging.getLogger("routelab")

ENTRY = "queue"
_WAITING = ("rate_limit_exceeded", "too_many_at_once", "duplicate_request_id")
"""Refusals of a request that only came too early."""
_AGAIN = ("insufficient_quota", "no_model_answered", "policy_error", "broken")
"""Failures that may pass."""
_LONGEST_WAIT_S = 300.0
_PEER_S = 0.25
"""Seconds between looks at a request that another process has under way."""


class HeldMessage:
    """A message of which this process has not let go.

    Args:
        message: as it came.
        number: in the order of arrival.
    """

    def __init__(self, message: QueueMessage, number: int) -> None:
        self.message = message
        self.number = number
        self.request: QueueRequest | None = None
        self.poison: PoisonError | None = None
        self.failures = 0
        self.rank: tuple[int, int] = (0, 0)

    def __lt__(self, other: HeldMessage) -> bool:
        return (self.rank, self.number) < (other.rank, other.number)


class LaterError(Exception):
    """A message is to be looked at again.

    Attributes:
        wait_s: seconds until then.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = min(wait_s, _LONGEST_WAIT_S)


class QueueWorker:
    """Answers the messages of a queue.

    Args:
        rules: of the queue.
        broker: that has them.
        gateway: that answers.
        doorkeeper: who tells callers apart, where messages have keys.
        limits: of bodies.
        outbox: where outcomes are kept.
        judge: takes a judgement; raises `RefusedError`.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        rules: QueueRules,
        broker: MessageBroker,
        gateway: Gateway,
        doorkeeper: Doorkeeper,
        limits: GatewayLimits,
        outbox: Outbox,
        judge: Callable[[dict[str, Any], Identity], Awaitable[object]],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._broker = broker
        self._gateway = gateway
        self._doorkeeper = doorkeeper
        self._limits = limits
        self._outbox = outbox
        self._judge = judge
        self._wall_clock = wall_clock
        self._held: set[HeldMessage] = set()
        self._ready: list[HeldMessage] = []
        self._came = asyncio.Semaphore(0)
        self._rooms = {it: asyncio.Semaphore(rules.prefetch) for it in rules.topics}
        self._places = {it: at for at, it in enumerate(rules.topics)}
        self._same: dict[str, list[HeldMessage]] = {}
        self._n = 0
        self._busy = 0
        self._draining = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def held(self) -> int:
        """Messages of which this process has not let go."""
        return len(self._held)

    def start(self) -> None:
        """Begin to answer."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._rules.at_once)]
        self._tasks.append(asyncio.create_task(self._renew_on()))

    async def take(self, message: QueueMessage) -> None:
        """Hold a message, and return once there is room for the next one of its topic."""
        if self._draining:
            await self._broker.release(message)
            return
        self._n += 1
        held = HeldMessage(message, self._n)
        self._held.add(held)  # from here on its lease is renewed
        await self._rooms[message.topic].acquire()
        await self._read(held)
        self._push(held)

    async def drain(self) -> None:
        """Begin no further message, see those under way through, and give the others back."""
        self._draining = True
        for room in self._rooms.values():
            for _ in range(self._rules.prefetch):  # whoever waits for room waits in vain
                room.release()
        await self._broker.pause()
        while self._busy:
            await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        """End what is under way, and give back what is held."""
        self._draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for held in list(self._held):
            self._held.discard(held)
            with contextlib.suppress(Exception):  # the broker is away, and gives it again anyway
                await self._broker.release(held.message)

    async def _read(self, held: HeldMessage) -> None:
        place = self._places[held.message.topic]
        try:
            held.request = await read_message(held.message, self._rules, self._limits)
        except PoisonError as poison:
            held.poison, held.rank = poison, (place, -1)
        else:
            held.rank = place, self._rules.rank(held.request.priority)

    def _push(self, held: HeldMessage) -> None:
        heapq.heappush(self._ready, held)
        self._came.release()

    async def _work(self) -> None:
        while True:
            await self._came.acquire()
            if self._draining:
                return
            held = heapq.heappop(self._ready)
            self._busy += 1
            try:
                await self._see_to(held)
            finally:
                self._busy -= 1

    async def _see_to(self, held: HeldMessage) -> None:
        """Do what there is to do with a message, and let go of it unless it has to wait."""
        try:
            if held.poison is not None:
                await self._bury(held, held.poison.code, held.poison.reason, 1)
            elif held.message.topic == self._rules.feedback:
                await self._take_judgement(held)
            elif not await self._see_to_request(held):
                return
        except LaterError as later:
            self._look_again(held, later.wait_s)
        except Exception as error:  # noqa: BLE001  (the others go on)
            self._gateway.events.event(
                "message not settled", "error", queue=self._rules.name,
                error=f"{type(error).__name__}: {error}"[:300],
            )  # fmt: skip
            if not isinstance(error, OSError | TimeoutError):
                _log.debug("a message was not settled", exc_info=error)
            if self._broker.gives_again:
                self._let_go(held)
            else:
                self._look_again(held, self._rules.backoff_s)
        else:
            self._let_go(held)

    def _look_again(self, held: HeldMessage, wait_s: float) -> None:
        asyncio.get_running_loop().call_later(wait_s, self._push, held)

    def _let_go(self, held: HeldMessage) -> None:
        if held in self._held:
            self._held.discard(held)
            self._rooms[held.message.topic].release()

    async def _see_to_request(self, held: HeldMessage) -> bool:
        """Whether the message is done with; else it waits for another one of the same request."""
        request = held.request
        assert request is not None  # it is no poison
        if request.key in self._same:
            self._same[request.key].append(held)
            return False
        self._same[request.key] = []
        try:
            await self._answer(held, request)
        finally:
            for other in self._same.pop(request.key):
                self._push(other)
        return True

    async def _answer(self, held: HeldMessage, request: QueueRequest) -> None:
        message, log = held.message, self._outbox.log
        claim = await log.claim(request.key, request.digest, message.position)
        if claim.state == "under way":
            raise LaterError(_PEER_S)
        if claim.outcome is not None:
            await self._answer_again(held, request, claim)
            return
        if claim.state == "different":
            refusal = RefusedError(
                409,
                f"another request had the id {request.id!r}: give each its own",
                "duplicate_request_id",
            )
            await self._finish(held, request, self._failure(request, refusal), own_key=False)
            return
        outcome = await self._asked(held, request, claim.tries)
        await self._finish(held, request, outcome)

    async def _asked(
        self, held: HeldMessage, request: QueueRequest, tries: int
    ) -> DeliveredOutcome:
        """What comes of a request.

        Raises:
            LaterError: it is to be tried again.
        """
        most = self._rules.tries
        if tries > most:  # it may be what ends them
            refusal = RefusedError(
                500,
                f"it was begun {tries - 1} times, and each time the worker ended before it did",
                "never_finished",
                kind="server_error",
            )
            return self._failure(request, refusal)
        try:
            return await self._routed(request)
        except RefusedError as refusal:
            if refusal.code in _WAITING:
                await self._outbox.log.release(request.key)
                raise LaterError(refusal.retry_after_s or _PEER_S) from refusal
            held.failures += 1
            if refusal.code in _AGAIN and tries - 1 + held.failures < most:
                self._gateway.totals["queue", "tried again"] += 1
                wait_s = self._rules.backoff_s * 2.0 ** (held.failures - 1)
                await self._outbox.log.release(request.key)
                raise LaterError(max(wait_s, refusal.retry_after_s or 0.0)) from refusal
            return self._failure(request, refusal)

    async def _routed(self, request: QueueRequest) -> DeliveredOutcome:
        """The answer.

        Raises:
            RefusedError: there is none.
        """
        if request.body.get("stream"):
            raise malformed([("stream", "stream: a queue has no streams; leave it out")])
        caller = self._caller(request)
        trace = read_trace(request.attributes.items())
        visit = self._gateway.admit(ENTRY, request.body, caller, request.id, trace)
        visit.delivers = False
        try:
            with visit:
                answer = await visit.answer()
        except RefusedError:
            raise
        except Exception as error:
            self._gateway.events.event("broken", "error", entry=ENTRY, error=type(error).__name__)
            _log.exception("a request of a queue failed")
            raise RefusedError(
                500, "the server failed; its log says why", "broken", kind="server_error"
            ) from error
        return answered(
            answer.body,
            answer.routed.model,
            policy=visit.policy,
            **self._of(request, caller.tenant),
        )

    def _caller(self, request: QueueRequest) -> Identity:
        """Who asks: as the configuration says, or by the key that the message has.

        Raises:
            RefusedError: there is no key, or a wrong one.
        """
        rules = self._rules
        if rules.tenant or rules.tenant_attribute or rules.priority_attribute:
            priorities = (request.priority,) if rules.priority_attribute else None
            return Identity(tenant=request.tenant, priority=request.priority, priorities=priorities)
        return self._doorkeeper.caller(request.attributes, None)

    def _failure(self, request: QueueRequest, refusal: RefusedError) -> DeliveredOutcome:
        cost_usd = None if math.isnan(refusal.cost_usd) else refusal.cost_usd
        body = {**refusal.body, "routelab": {"cost_usd": cost_usd, "calls": refusal.calls}}
        return failed(body, refusal.status, refusal.code, **self._of(request, request.tenant))

    def _of(self, request: QueueRequest, tenant: str) -> dict[str, Any]:
        task = request.body.get("task")
        return {
            "id": request.id,
            "entry": ENTRY,
            "at_s": self._wall_clock(),
            "tenant": tenant,
            "task": task if isinstance(task, str) else "",
            "subject": request.subject,
        }

    async def _finish(
        self,
        held: HeldMessage,
        request: QueueRequest,
        outcome: DeliveredOutcome,
        own_key: bool = True,
    ) -> None:
        """Keep an outcome, send it off, and have the broker forget the message.

        Args:
            own_key: the outcome is kept as that of its key; without, another's is there.
        """
        outcome = self._outbox.redaction.sent(outcome)
        names, to_caller = self._outbox.chosen(outcome)
        topics = self._topics(request) if to_caller else ()
        key = request.key if own_key else f"{request.key}-{held.message.position}"
        await self._outbox.log.settle(
            key, outcome, due=names, carried=[_topic_name(it) for it in topics],
            digest=request.digest,
        )  # fmt: skip
        self._outbox.begin(key, outcome, names)
        self._gateway.totals["queue", outcome.outcome] += 1
        await self._see_off(held, request, outcome, key, topics)

    async def _answer_again(
        self, held: HeldMessage, request: QueueRequest, claim: AnswerClaim
    ) -> None:
        """Deliver what was answered before to where it has not been."""
        outcome = claim.outcome
        assert outcome is not None
        _, to_caller = self._outbox.chosen(outcome)
        topics = [
            it for it in (self._topics(request) if to_caller else ())
            if _topic_name(it) not in claim.done
        ]  # fmt: skip
        self._gateway.totals["queue", "answered before"] += 1
        if topics:
            await self._outbox.log.owe(request.key, [_topic_name(it) for it in topics])
        await self._see_off(held, request, outcome, request.key, topics)

    async def _see_off(
        self,
        held: HeldMessage,
        request: QueueRequest,
        outcome: DeliveredOutcome,
        key: str,
        topics: list[str] | tuple[str, ...],
    ) -> None:
        attributes = outcome.attributes(f"/routelab/{self._rules.name}")
        sent = [
            Publication(
                topic=it,
                content=outcome.content,
                attributes=attributes,
                correlation=request.correlation,
                message_id=f"{key}-{outcome.at_s:.6f}-{it}",
                optional=it != self._rules.results,
            )
            for it in topics
        ]
        if outcome.outcome == "failed":
            reason = told_body(outcome)["error"]["message"]
            sent.append(self._letter(held, outcome.code, reason, max(1, held.failures)))
        await self._broker.settle(held.message, sent)
        if topics:
            await self._outbox.log.delivered(key, [_topic_name(it) for it in topics])

    def _topics(self, request: QueueRequest) -> list[str]:
        """Where the caller has the answer: at the topic that it names, and at that of all."""
        found = [self._rules.results] if self._rules.results else []
        reply = request.reply_to
        if reply and self._rules.may_reply(reply):
            found.insert(0, reply)
        elif reply:
            self._gateway.totals["queue", "reply refused"] += 1
            self._gateway.events.event(
                "reply refused", "warning", queue=self._rules.name, id=request.id,
                topic=value_text(reply),
            )  # fmt: skip
        return found

    async def _take_judgement(self, held: HeldMessage) -> None:
        request = held.request
        assert request is not None
        try:
            await self._judge(request.body, self._caller(request))
        except RefusedError as refusal:
            self._gateway.refused(ENTRY, refusal)
            await self._bury(held, refusal.code, refusal.message, 1)
            return
        await self._broker.settle(held.message, ())

    async def _bury(self, held: HeldMessage, code: str, reason: str, tries: int) -> None:
        """Put a message that is no request where somebody looks at it."""
        self._gateway.totals["queue", "poison"] += 1
        self._gateway.events.event("dead letter", "warning", queue=self._rules.name, code=code)
        await self._broker.settle(held.message, [self._letter(held, code, reason, tries)])

    def _letter(self, held: HeldMessage, code: str, reason: str, tries: int) -> Publication:
        """The message as it came, with why it is dead."""
        message, request = held.message, held.request
        known = {} if request is None else request.attributes
        attributes = {
            name: value for name, value in known.items()
            if name not in SECRETS and name.isalnum() and name.islower() and name.isascii()
        }  # fmt: skip
        attributes |= {
            "deadcode": code,
            "deadreason": self._outbox.redaction.reason(reason)[:1000],
            "deadtries": str(tries),
            "deadtopic": message.topic,
        }
        return Publication(
            topic=self._rules.dead_letters,
            content=message.body,
            attributes=attributes,
            correlation=request.correlation if request else message.position or "unknown",
            message_id=f"dead-{message.position or os.urandom(8).hex()}",
        )

    async def _renew_on(self) -> None:
        """Renew the leases of what is held, also while it waits."""
        while True:
            await asyncio.sleep(self._rules.lease_s / 3.0)
            try:
                await self._broker.renew([it.message for it in self._held])
            except Exception as error:  # noqa: BLE001  (a broker that is away has leases of its own)
                self._gateway.events.event(
                    "leases not renewed", "warning", queue=self._rules.name,
                    error=type(error).__name__,
                )  # fmt: skip


def _topic_name(topic: str) -> str:
    """A topic as a destination in the log, where rules have names too."""
    return f"topic:{topic}"
