"""Delivers outcomes to their destinations, each at its own pace, until they have them."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import httpcore

from routelab.runtime import encode_json
from routelab.serve.delivery.dead_letters import DeadLetter, LineFile, dead_letter_line
from routelab.serve.delivery.delivery_log import DeliveryLog, DueDelivery
from routelab.serve.delivery.outcome import DeliveredOutcome
from routelab.serve.delivery.outcome_redaction import OutcomeRedaction
from routelab.serve.delivery.webhook import UndeliverableError, WebhookSender
from routelab.serve.event_log import EventLog
from routelab.serve.settings import DeliveryRules, DestinationRule

_log = logging.getLogger("routelab")

Publish: TypeAlias = Callable[[str, str, DeliveredOutcome, str], Awaitable[None]]
"""Puts an outcome into a topic of a queue that is named, with an id that each try has."""
_LONGEST_WAIT_S = 3600.0
_LOOK_S = 5.0
"""Seconds between looks for what ended processes left behind."""
_FORGET_S = 600.0


class DestinationSender:
    """Sends to a destination once, whichever kind it is.

    Args:
        rules: of deliveries.
        publish: puts an outcome into a topic.
        webhooks: that posts; one of its own unless given.
    """

    def __init__(
        self, rules: DeliveryRules, publish: Publish, webhooks: WebhookSender | None = None
    ) -> None:
        self._to = rules.to
        self._publish = publish
        self._timeout_s = rules.timeout_s
        self._webhooks = webhooks or WebhookSender(rules.allow, rules.timeout_s)
        self._files = {it.file: LineFile(Path(it.file)) for it in rules.to.values() if it.file}

    async def send(self, name: str, key: str, outcome: DeliveredOutcome) -> None:
        """Send once.

        Args:
            name: of the destination.
            key: of the answer.
            outcome: to send.
        Raises:
            UndeliverableError: it did not arrive.
        """
        place = self._to.get(name)
        if place is None:
            raise UndeliverableError(f"there is no destination {name!r} any more", final=True)
        try:
            await self._sent(place, name, key, outcome)
        except OSError as error:
            raise UndeliverableError(f"{place.file or name}: {error.strerror}") from error
        except TimeoutError as error:
            raise UndeliverableError(f"it took more than {self._timeout_s:g} s") from error

    async def aclose(self) -> None:
        """Close connections."""
        await self._webhooks.aclose()

    async def _sent(
        self, place: DestinationRule, name: str, key: str, outcome: DeliveredOutcome
    ) -> None:
        if place.webhook:
            content = encode_json(outcome.envelope())
            await self._webhooks.post(place.webhook, content, f"{key}-{name}", place.secrets)
        elif place.file:
            line = encode_json({"key": key, **outcome.envelope()})
            await asyncio.to_thread(self._files[place.file].append, line)
        else:
            async with asyncio.timeout(self._timeout_s):
                await self._publish(place.queue, place.topic, outcome, f"{key}-{name}")


class Dispatcher:
    """Makes the deliveries of a log.

    Args:
        rules: of deliveries.
        log: of them.
        sender: that makes one.
        events: where what is given up is written.
        totals: of the gateway, in which they are counted.
        wall_clock: Unix seconds.
        redaction: of reasons, which may quote an answer.
    """

    def __init__(
        self,
        rules: DeliveryRules,
        log: DeliveryLog,
        sender: DestinationSender,
        events: EventLog,
        totals: Counter[tuple[str, ...]],
        wall_clock: Callable[[], float] = time.time,
        redaction: OutcomeRedaction | None = None,
    ) -> None:
        self._redaction = redaction or OutcomeRedaction()
        self._rules = rules
        self._log = log
        self._sender = sender
        self._events = events
        self._totals = totals
        self._wall_clock = wall_clock
        self._letters = LineFile(Path(rules.dead_letters)) if rules.dead_letters else None
        self._lines: dict[str, DestinationLine] = {}
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Go on with what ended processes left, and deliver from now on."""
        await self._look()
        self._looking = asyncio.create_task(self._look_on())

    def offer(self, due: DueDelivery) -> None:
        """Deliver what is in the log already."""
        line = self._lines.get(due.destination)
        if line is None:
            line = self._lines[due.destination] = DestinationLine(
                self._deliver, self._rules.at_once, self._wall_clock
            )
        line.push(due)

    async def aclose(self) -> None:
        """See through what is under way; the rest is left in the log to whoever comes next."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*(it.aclose() for it in self._lines.values()))
        await self._sender.aclose()

    async def _deliver(self, due: DueDelivery) -> DueDelivery | None:
        """Try once; what is returned is to be tried again."""
        try:
            await self._sender.send(due.destination, due.key, due.outcome)
        except UndeliverableError as error:
            return await self._undelivered(due, error)
        except (ValueError, httpcore.UnsupportedProtocol) as error:  # of a secret that is gone
            return await self._undelivered(due, UndeliverableError(str(error)))
        self._totals["deliveries", "delivered"] += 1
        await self._log.delivered(due.key, [due.destination], due.tries + 1)
        return None

    async def _undelivered(self, due: DueDelivery, error: UndeliverableError) -> DueDelivery | None:
        tries, reason = due.tries + 1, self._redaction.reason(error.reason)
        if error.final or tries >= self._rules.tries:
            await self._give_up(due, reason)
            return None
        wait_s = max(_backoff_s(self._rules.backoff_s, due), error.wait_s or 0.0)
        await self._log.postponed(due, wait_s, reason)
        return due._replace(tries=tries, due_s=self._wall_clock() + wait_s)

    async def _give_up(self, due: DueDelivery, reason: str) -> None:
        letter = DeadLetter(
            key=due.key,
            destination=due.destination,
            reason=reason,
            tries=due.tries + 1,
            at_s=self._wall_clock(),
            outcome=due.outcome,
        )
        if self._letters is not None:  # before it is noted: a letter twice is better than none
            await asyncio.to_thread(self._letters.append, dead_letter_line(letter))
        await self._log.given_up(due, reason)
        self._totals["deliveries", "given_up"] += 1
        self._events.event(
            "delivery given up",
            "error",
            id=due.outcome.id,
            destination=due.destination,
            tries=letter.tries,
            reason=reason,
        )

    async def _look_on(self) -> None:
        forgotten_s = 0.0
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._look()
                if self._wall_clock() - forgotten_s > _FORGET_S:
                    forgotten_s = self._wall_clock()
                    await self._log.forget()
            except Exception as error:  # noqa: BLE001  (a full disk may have room again)
                self._events.event("broken", "error", entry="delivery", error=str(error))

    async def _look(self) -> None:
        for due in await self._log.left_behind():
            self.offer(due)


class DestinationLine:
    """What waits for one destination, so that a slow one holds up none of the others.

    Args:
        deliver: makes a try; returns what is to be tried again.
        at_once: tries under way.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        deliver: Callable[[DueDelivery], Awaitable[DueDelivery | None]],
        at_once: int,
        wall_clock: Callable[[], float],
    ) -> None:
        self._deliver = deliver
        self._wall_clock = wall_clock
        self._room = asyncio.Semaphore(at_once)
        self._waiting: list[tuple[float, int, DueDelivery]] = []
        self._came = asyncio.Event()
        self._n = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._pumping = asyncio.create_task(self._pump())

    def push(self, due: DueDelivery) -> None:
        """Wait for its time."""
        self._n += 1
        heapq.heappush(self._waiting, (due.due_s, self._n, due))
        self._came.set()

    async def aclose(self) -> None:
        """Begin no more, and see through what is under way."""
        self._pumping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pumping
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _pump(self) -> None:
        while True:
            wait_s = self._waiting[0][0] - self._wall_clock() if self._waiting else None
            if wait_s is None or wait_s > 0.0:
                self._came.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._came.wait()
                continue
            await self._room.acquire()
            *_, due = heapq.heappop(self._waiting)
            task = asyncio.create_task(self._try(due))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _try(self, due: DueDelivery) -> None:
        try:
            again = await self._deliver(due)
        except Exception:  # noqa: BLE001  (it stays in the log, and is tried again by whoever comes next)
            _log.exception("a delivery to %r failed", due.destination)
        else:
            if again is not None:
                self.push(again)
        finally:
            self._room.release()


def _backoff_s(first_s: float, due: DueDelivery) -> float:
    """Seconds until the next try: doubled for each, and spread so that not all come at once."""
    wait_s = min(first_s * 2.0 ** min(due.tries, 30), _LONGEST_WAIT_S)
    return wait_s * (0.75 + 0.5 * int(due.key[:8], 16) / 0xFFFFFFFF)
