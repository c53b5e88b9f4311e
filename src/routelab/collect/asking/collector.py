"""Ask the cells of a collection that are not over, and keep what comes back."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from msgspec.structs import replace

from routelab.collect.asking.arms import arm_fields
from routelab.collect.asking.cell_record import (
    CallMoney,
    answered_cell,
    failed_cell,
    money_of,
)
from routelab.collect.asking.money import CollectionBudget, MoneyWait
from routelab.collect.asking.options import SELF_CHECK, CollectOptions
from routelab.collect.asking.order import AskingOrder
from routelab.collect.asking.self_check import check_messages, stated_confidence
from routelab.collect.asking.standing import CollectionStanding, standing_of
from routelab.collect.storage import (
    AskedCell,
    CollectedRequest,
    CollectionWriter,
    Released,
    Reserved,
)
from routelab.core import Call, Feedback, Request, estimated_tokens
from routelab.core.catalogue import Catalogue, Timeouts
from routelab.errors import BudgetError
from routelab.runtime import REQUEST_ID, Upstream
from routelab.runtime.attempts import ServedPrices, failure_classes
from routelab.runtime.calls import Caller, GateChecker, Sending
from routelab.runtime.engine import Engine, SampleAttempt

_ROUNDS = 3
"""Times that a cell is asked whose failures may pass, each with the engine's own retries."""
_UNSENT = frozenset({"connect", "busy", "rate", "overloaded"})
"""Failures that say nothing of the request, so that it is asked until the model's patience ends."""
_TOLD_S = 1.0
"""Between two words on how far it is."""
_LONGEST_S = 30.0
"""Between two times that a cell is asked."""


class Collector:
    """One run over a collection that this process has locked.

    Args:
        writer: of the collection.
        catalogue: the models that are asked, without fallbacks.
        options: how.
        upstream: that sends.
        progress: told how far it is, about once a second.
        clock: seconds that only go on.
        wall_clock: Unix seconds.
    Raises:
        CollectError: there is no money left.
    """

    def __init__(
        self,
        writer: CollectionWriter,
        catalogue: Catalogue,
        options: CollectOptions,
        upstream: Upstream,
        *,
        progress: Callable[[CollectionStanding], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer, self._catalogue, self._options = writer, catalogue, options
        self._progress, self._clock, self._wall_clock = progress, clock, wall_clock
        self._requests = writer.collection.requests
        models = writer.collection.manifest.models
        self._arms = {models.index(name): name for name in catalogue.models}
        self._fields = {
            arm: arm_fields(catalogue.models[name], options.body)
            for arm, name in self._arms.items()
        }
        self._sources = options.sources
        prices = ServedPrices(catalogue, catalogue.models, wall_clock)
        engine = Engine(
            catalogue,
            upstream,
            timeouts=Timeouts(total_s=options.timeout_s),
            clock=clock,
            wall_clock=wall_clock,
            sleep=anyio.sleep,
            rng=random.Random(options.seed),  # noqa: S311  (no secret hangs on it)
        )
        caller = Caller(prices, engine, self._sources, {}, GateChecker((), {}), clock)
        table = writer.table
        self._budget = CollectionBudget(
            caller,
            catalogue,
            prices,
            max_usd=options.max_usd,
            spent_usd=table.spent_usd + table.unknown_usd,
            wall_clock=wall_clock,
        )
        n = len(self._requests) if options.requests is None else options.requests
        manifest = writer.collection.manifest
        self._order = AskingOrder(table, n, manifest.seed, tuple(self._arms), options.at_once)
        self._money = MoneyWait()
        self._stopped = ""
        self._arm_stops: dict[int, str] = {}
        self._failing_s: dict[int, float] = {}  # since when an arm has answered nothing
        self._began_s = self._told_s = clock()
        self._done_before = {arm: table.totals(arm).done for arm in self._arms}

    def stop(self, why: str) -> None:
        """Ask no more; what is under way is seen through.

        Args:
            why: for people.
        """
        self._stopped = self._stopped or why
        self._order.stop()

    async def run(self) -> CollectionStanding:
        """Ask what is left, until it is over, the money is, or `stop` is called.

        Raises:
            CollectError: the collection cannot be written any more.
        """
        unchecked = self._unchecked()
        try:
            async with asyncio.TaskGroup() as tasks:
                for arm in self._arms:
                    for _ in range(self._options.at_once):
                        tasks.create_task(self._work(arm, unchecked[arm]))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return self.standing()

    def standing(self) -> CollectionStanding:
        """How far it is."""
        return standing_of(
            self._writer.table,
            self._arms,
            self._order.left,
            self._done_before,
            self._clock() - self._began_s,
            self._arm_stops,
            self._stopped,
        )

    def _unchecked(self) -> dict[int, list[AskedCell]]:
        """By arm, answers of earlier runs that ended before their self-check did."""
        found: dict[int, list[AskedCell]] = {arm: [] for arm in self._arms}
        if SELF_CHECK in self._options.signals:
            for _, _, cell in self._writer.collection.cells():
                if cell.arm in found and _to_check(cell) and SELF_CHECK not in cell.signal_usd:
                    found[cell.arm].append(cell)
        return found

    async def _work(self, arm: int, unchecked: list[AskedCell]) -> None:
        while unchecked and not self._over(arm):
            cell = unchecked.pop()
            await self._check(cell.row, arm, self._requests[cell.row], cell)
        while (row := await self._order.next(arm)) is not None:
            request = self._requests[row]
            if self._too_long(arm, request):
                error = "the request is longer than the model's context window, and was not asked"
                await self._keep(AskedCell(row=row, arm=arm, outcome="too_long", error=error))
            else:
                await self._ask(row, arm, request)

    def _too_long(self, arm: int, request: CollectedRequest) -> bool:
        window = self._catalogue.models[self._arms[arm]].prompt_window
        return window is not None and estimated_tokens(request.messages) > window

    async def _ask(self, row: int, arm: int, request: CollectedRequest) -> None:
        """Ask a cell until it is over, or the arm or the run is."""
        rounds, total, made = 0, CallMoney(0.0, 0.0), 0
        while not self._over(arm):
            attempts: list[SampleAttempt] = []
            feedback = await self._call(row, arm, self._question(arm, request), attempts)
            if feedback is None:
                return
            money = self._money_of(arm, request, feedback, attempts)
            total = CallMoney(total.spent + money.spent, total.unknown + money.unknown)
            made += len(attempts)
            if feedback.error is None:
                self._failing_s.pop(arm, None)
                await self._answered(row, arm, request, feedback, attempts, money)
                return
            rounds += self._counts(feedback)
            if (why := self._hopeless(feedback)) is not None:
                await self._release(row, arm, money, feedback)
                self._leave(arm, why)
            elif rounds >= _ROUNDS or not self._passes(feedback):
                cell = failed_cell(row, arm, feedback, total, made, self._wall_clock())
                counted = (total.spent - money.spent, total.unknown - money.unknown)
                await self._keep(replace(cell, counted_usd=counted))
                return
            else:
                await self._release(row, arm, money, feedback)
                await self._pause(arm, rounds, feedback)

    def _question(self, arm: int, request: CollectedRequest) -> tuple[Call, Sending]:
        asked = Request(request.id, request.messages, request.task, request.group)
        call = Call(self._arms[arm], need=tuple(self._sources))
        return call, Sending(asked, self._fields[arm], {REQUEST_ID: request.id})

    async def _call(
        self,
        row: int,
        arm: int,
        question: tuple[Call, Sending],
        attempts: list[SampleAttempt],
    ) -> Feedback | None:
        """What came of a call; None where there is no money for it."""

        async def reserve(usd: float) -> None:
            await self._writer.reserve(Reserved(row, arm, usd, self._wall_clock()))

        while not self._over(arm):
            self._money.begun()
            made: Feedback | BudgetError | None = None
            try:
                made = await self._budget.make(*question, attempts, reserve)
            finally:
                self._money.ended(refused=isinstance(made, BudgetError))
            if not isinstance(made, BudgetError):
                return made
            if not await self._money.wait():
                self.stop(f"`max_usd` leaves no room for another answer of {self._arms[arm]}")
        return None

    async def _answered(
        self,
        row: int,
        arm: int,
        request: CollectedRequest,
        feedback: Feedback,
        attempts: list[SampleAttempt],
        money: CallMoney,
    ) -> None:
        cell = answered_cell(row, arm, feedback, attempts, self._sources, money, self._wall_clock())
        await self._keep(cell)
        if SELF_CHECK in self._options.signals and _to_check(cell):
            await self._check(row, arm, request, cell)

    async def _check(self, row: int, arm: int, request: CollectedRequest, cell: AskedCell) -> None:
        """Ask how likely the answer is right; the answer is on the disk already."""
        asked = Request(request.id, check_messages(request.messages, cell.answer or ""))
        call, attempts = Call(self._arms[arm]), list[SampleAttempt]()
        feedback = await self._call(row, arm, (call, Sending(asked, self._fields[arm])), attempts)
        if feedback is None:
            return
        checked = CollectedRequest(id=request.id, messages=asked.messages or ())
        money = self._money_of(arm, checked, feedback, attempts)
        found = stated_confidence(feedback.text) if feedback.error is None else None
        note = (
            ()
            if found is not None
            else (f"{SELF_CHECK}: {feedback.error or feedback.text!r:.200}",)
        )
        took_s = feedback.latency_s
        signals: Mapping[str, float] = {} if found is None else {SELF_CHECK: found}
        await self._keep(
            replace(
                cell,
                signals={**cell.signals, **signals},
                signal_usd={**cell.signal_usd, SELF_CHECK: money.spent},
                signal_s={**cell.signal_s, **({} if math.isnan(took_s) else {SELF_CHECK: took_s})},
                attempts=cell.attempts + len(attempts),
                spent_usd=cell.spent_usd + money.spent,
                unknown_usd=cell.unknown_usd + money.unknown,
                counted_usd=(cell.spent_usd, cell.unknown_usd),
                notes=(*cell.notes, *note),
            )
        )

    def _money_of(
        self,
        arm: int,
        request: CollectedRequest,
        feedback: Feedback,
        attempts: list[SampleAttempt],
    ) -> CallMoney:
        def attempt_usd() -> float:
            asked = Request(request.id, request.messages)
            return self._budget.call_usd(Call(self._arms[arm]), asked, self._fields[arm])

        return money_of(attempts, feedback.attempts, attempt_usd)

    async def _keep(self, cell: AskedCell) -> None:
        await self._writer.keep(cell)
        if (now_s := self._clock()) - self._told_s >= _TOLD_S:
            self._told_s = now_s
            self._progress(self.standing())

    async def _release(self, row: int, arm: int, money: CallMoney, feedback: Feedback) -> None:
        error = (feedback.error or "")[:500]
        await self._writer.keep(
            Released(
                row=row, arm=arm, spent_usd=money.spent, unknown_usd=money.unknown, error=error
            )
        )

    def _over(self, arm: int) -> bool:
        return bool(self._stopped) or arm in self._arm_stops

    def _leave(self, arm: int, why: str) -> None:
        """Leave an arm for another run."""
        self._arm_stops.setdefault(arm, why)
        self._order.leave(arm)

    @staticmethod
    def _failure(feedback: Feedback) -> Any:
        failed = (it.failure for it in reversed(feedback.attempts) if it.error)
        return failure_classes().get(next(failed, "busy"))

    def _counts(self, feedback: Feedback) -> bool:
        """Whether a failure may be the request's, so that it is not asked for ever."""
        failure = self._failure(feedback)
        return failure is not None and failure.name not in _UNSENT

    def _passes(self, feedback: Feedback) -> bool:
        failure = self._failure(feedback)  # a reply that is no JSON may be one that was cut
        return failure is not None and (failure.again or failure.name == "malformed")

    def _hopeless(self, feedback: Feedback) -> str | None:
        """Why an arm need not be asked again before somebody mends it."""
        failure = self._failure(feedback)
        if failure is not None and failure.warns and failure.name != "refused":
            return f"{failure.means}: {feedback.error}"
        return None

    async def _pause(self, arm: int, rounds: int, feedback: Feedback) -> None:
        since_s = self._failing_s.setdefault(arm, self._clock())
        if self._clock() - since_s > self._options.patience_s:
            self._leave(
                arm, f"answered nothing for {self._options.patience_s:g} s: {feedback.error}"
            )
            return
        asked_s = feedback.retry_after_s
        pause_s = min(_LONGEST_S, 0.5 * 2.0**rounds if asked_s is None else max(asked_s, 0.1))
        await anyio.sleep(pause_s)


def _to_check(cell: AskedCell) -> bool:
    return cell.outcome == "answered" and bool(cell.answer)
