"""Adds up finished requests."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import TypeVar

from routelab.core import Attempt, Feedback, Step
from routelab.runtime.budgets import Alert
from routelab.runtime.finished_request import FinishedRequest, reached_endpoint
from routelab.runtime.metrics.histogram import Histogram
from routelab.runtime.metrics.meter import Meter
from routelab.runtime.metrics.snapshot import MetricTotals, QualityTotals, SignalCoverage, Snapshot

_log = logging.getLogger("routelab")

_K = TypeVar("_K", str, int)

OTHER = "other"
"""Stands for the tenants beyond the cap."""
_CANCELLED = "cancelled"
_ALERTS = 100
_FRESH, _FRESH_MOST = 16, 64
"""Requests over before the event loop is asked to add them up, and before none may wait."""
_WAITED_S = 0.001
"""Less is the time that it takes to find a free place."""


class RouterMetrics:
    """Operations metrics of a router, in constant memory; may be read from any thread.

    Args:
        max_tenants: that have metrics of their own; the later ones share one.
        remembered: latest requests whose answering model is known when feedback comes.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        *,
        max_tenants: int = 100,
        remembered: int = 10_000,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_tenants = max_tenants
        self._remembered = remembered
        self._wall_clock = wall_clock
        self._since_s = wall_clock()
        self._lock = threading.Lock()
        self._fresh: deque[FinishedRequest] = deque()
        self._all = Meter()
        self._queued = Histogram()
        self._models: dict[str, Meter] = {}
        self._deployments: dict[str, Meter] = {}
        self._tenants: dict[str, Meter] = {}
        self._steps: dict[int, Meter] = {}
        self._statuses: Counter[str] = Counter()
        self._escalated = self._cut_short = self._degraded = self._retries = 0
        self._unmatched = 0
        self._answered_by: dict[str, str] = {}
        self._failures: Counter[tuple[str, str]] = Counter()
        self._needed: Counter[tuple[str, str]] = Counter()
        self._missing: Counter[tuple[str, str]] = Counter()
        self._quality: dict[str, _Mean] = {}
        self._alerts: deque[Alert] = deque(maxlen=_ALERTS)

    def finished(self, finished: FinishedRequest) -> None:
        """Count a request, every call and every attempt of it.

        It is added up before anybody reads; with others at a time and, where an event loop
        runs, once it comes to it, so that no answer waits.
        """
        self._fresh.append(finished)
        fresh = len(self._fresh)
        if fresh >= _FRESH_MOST:
            self._settle()
        elif fresh == _FRESH:
            _soon(self._settle)

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """Count what an answer was worth, for the model that gave it.

        Args:
            request_id: of the request that it answered.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
        """
        with self._lock:
            self._add_up()
            model = model or self._answered_by.get(request_id)
            if model is None:
                self._unmatched += 1
            else:
                self._quality.setdefault(model, _Mean()).add(quality)

    def alert(self, alert: Alert) -> None:
        """Keep the latest alerts of budgets."""
        with self._lock:
            self._alerts.append(alert)

    def snapshot(self) -> Snapshot:
        """The metrics as they are now."""
        with self._lock:
            self._add_up()
            answered = self._statuses["answered"]
            return Snapshot(
                since_s=self._since_s,
                at_s=self._wall_clock(),
                requests=self._all.totals(),
                statuses=dict(self._statuses),
                escalated=self._escalated,
                escalation_rate=self._escalated / answered if answered else None,
                cut_short=self._cut_short,
                degraded=self._degraded,
                retries=self._retries,
                queued_s=self._queued.distribution(),
                models=_totals(self._models),
                deployments=_totals(self._deployments),
                tenants=_totals(self._tenants),
                steps=_totals({str(turn): it for turn, it in sorted(self._steps.items())}),
                signals=self._signals(),
                quality={name: it.quality() for name, it in sorted(self._quality.items())},
                failures=self._failed_attempts(),
                unmatched=self._unmatched,
                alerts=tuple(self._alerts),
            )

    def _failed_attempts(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (deployment, failure), count in sorted(self._failures.items()):
            found.setdefault(deployment, {})[failure] = count
        return found

    def _signals(self) -> dict[str, dict[str, SignalCoverage]]:
        found: dict[str, dict[str, SignalCoverage]] = {}
        for (model, name), answers in sorted(self._needed.items()):
            found.setdefault(model, {})[name] = SignalCoverage(answers, self._missing[model, name])
        return found

    def _settle(self) -> None:
        with self._lock:
            self._add_up()

    def _add_up(self) -> None:
        while self._fresh:
            try:
                self._count(self._fresh.popleft())
            except Exception:  # noqa: BLE001  (one odd request must not stop the others)
                _log.exception("a request could not be counted")

    def _count(self, finished: FinishedRequest) -> None:
        status, cancelled = finished.status, finished.status == _CANCELLED
        failed = finished.answer is None and not cancelled
        latency_s = math.nan if cancelled else finished.latency_s
        self._statuses[status] += 1
        self._degraded += finished.degraded
        first_s = _first_token_s(finished)
        for meter in (self._all, self._tenant(finished.request.tenant)):
            meter.took(latency_s, failed)
            meter.cost_usd(finished.cost_usd)
            if first_s == first_s:
                meter.first_token.add(first_s)
        made = [step.turn for step in finished.steps if self._step(step)]
        if finished.answer is not None:
            if made:
                self._escalated += made[-1] > made[0]
                self._cut_short += finished.steps[-1].turn > made[-1]
            self._remember(finished.request.id, finished.answer.model)

    def _tenant(self, name: str) -> Meter:
        if name not in self._tenants and len(self._tenants) >= self._max_tenants:
            name = OTHER
        return _meter(self._tenants, name)

    def _step(self, step: Step) -> bool:
        """Count a call; whether it was made."""
        it = step.feedback
        failed = it.error is not None and it.error != _CANCELLED
        latency_s = it.latency_s if it.error is None else math.nan
        at, model = _meter(self._steps, step.turn), _meter(self._models, it.model)
        if not reached_endpoint(it):
            at.not_sent += 1
            model.not_sent += 1
            return False
        at.took(latency_s, failed)
        at.cost_usd(it.cost_usd)
        if (first_s := _call_first_token_s(it)) == first_s:
            at.first_token.add(first_s)
        model.took(latency_s, failed)
        if it.signals and it.error is None:
            for name, value in it.signals.items():
                self._needed[it.model, name] += 1
                if value != value:
                    self._missing[it.model, name] += 1
        if not it.attempts:
            model.cost_usd(it.cost_usd)
            model.output_tokens.add(it.completion_tokens)
        for attempt in it.attempts:
            self._attempt(attempt)
        if len(it.attempts) > 1:
            self._retries += len(it.attempts) - len({one.sample for one in it.attempts})
        return True

    def _attempt(self, it: Attempt) -> None:
        failed = it.error is not None
        model = _meter(self._models, it.model)
        deployment = _meter(self._deployments, it.deployment)
        deployment.took(it.latency_s, failed)
        if failed:
            self._failures[it.deployment, it.failure] += 1
        if it.queued_s >= _WAITED_S:
            self._queued.add(it.queued_s)
        if not failed or it.cost_usd == it.cost_usd:  # a failure is free unless it says not
            model.cost_usd(it.cost_usd)
            deployment.cost_usd(it.cost_usd)
        if it.first_token_s == it.first_token_s:
            model.first_token.add(it.first_token_s)
            deployment.first_token.add(it.first_token_s)
        model.input_tokens.add(it.prompt_tokens)
        model.output_tokens.add(it.completion_tokens)

    def _remember(self, request_id: str, model: str) -> None:
        if len(self._answered_by) >= self._remembered:
            del self._answered_by[next(iter(self._answered_by))]
        self._answered_by[request_id] = model


class _Mean:
    """Running mean and squared deviation (Welford 1962)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    def quality(self) -> QualityTotals:
        error = None
        if self.count > 1:
            error = math.sqrt(self.squares / (self.count - 1) / self.count)
        return QualityTotals(self.count, self.mean, error)


def _first_token_s(finished: FinishedRequest) -> float:
    """Seconds from the request to the first token of its answer; NaN if that was not streamed."""
    if finished.answer is None or not finished.steps:
        return math.nan
    last = finished.steps[-1].feedback  # only a final call is streamed
    return finished.latency_s - last.latency_s + _call_first_token_s(last)


def _call_first_token_s(it: Feedback) -> float:
    """Seconds from the call, whose failed attempts count too."""
    for attempt in it.attempts:
        if attempt.error is None and attempt.first_token_s == attempt.first_token_s:
            return it.latency_s - attempt.latency_s + attempt.first_token_s
    return math.nan


def _soon(do: Callable[[], None]) -> None:
    """When the event loop comes to it; at once where none runs."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        do()
    else:
        loop.call_soon(do)


def _meter(meters: dict[_K, Meter], key: _K) -> Meter:
    found = meters.get(key)
    if found is None:
        found = meters[key] = Meter()
    return found


def _totals(meters: Mapping[str, Meter]) -> dict[str, MetricTotals]:
    return {name: meter.totals() for name, meter in meters.items()}
