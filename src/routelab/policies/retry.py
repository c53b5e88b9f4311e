"""Ask one model again while its answer will not do."""

from __future__ import annotations

import math
from typing import Any

from routelab.core import Call, Context, Deliver, Feedback, Policy, Route, ask
from routelab.core.messages import number
from routelab.errors import PolicyError

MOST = 10


class Retry(Policy, frozen=True, tag="retry"):
    """Sample one model until an answer will do, and deliver the most confident one.

    An answer will do if the call did not fail and, where a signal is named, the signal reaches
    the threshold. A replay covers a second sample where the log has it (a row with `attempt` 1).

    Attributes:
        model: that is sampled.
        times: samples at most; in [2, 10].
        signal, threshold: of confidence, compared by `>=`; both or neither.
    """

    model: str
    times: int = 2
    signal: str = ""
    threshold: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if not 2 <= self.times <= MOST:
            problems.append(f"times of the retry is {self.times}; it lies in [2, {MOST}]")
        if bool(self.signal) != (self.threshold is not None):
            problems.append("a retry needs a signal and its threshold, or neither")
        if self.threshold is not None and not math.isfinite(self.threshold):
            problems.append(f"threshold of the retry is {self.threshold}; it must be finite")
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        x.left((self.model,))
        call = Call(self.model, need=self.signals_used)
        best: Feedback | None = None
        for _ in range(self.times):
            x.threshold = self.threshold
            seen = yield from ask(call)
            if best is None or self._rank(seen) > self._rank(best):
                best = seen
            if self._will_do(seen) or self.model not in x.allowed:
                break
        assert best is not None  # at least one sample was taken
        return Deliver(best)

    def _will_do(self, seen: Feedback) -> bool:
        if self.threshold is None or not seen.accepted:
            return seen.accepted
        return seen.signals[self.signal] >= self.threshold

    def _rank(self, seen: Feedback) -> Any:
        """Answers before failures, confident ones before others."""
        confidence = seen.signals.get(self.signal, math.nan)
        return seen.accepted, -math.inf if math.isnan(confidence) else confidence

    @property
    def explained(self) -> tuple[str, ...]:
        enough = (
            "one does not fail"
            if self.threshold is None
            else f"one has {self.signal} ≥ {number(self.threshold)}"
        )
        return (
            f"Ask {self.model}, up to {self.times} times, until {enough}; deliver the best answer.",
        )

    @property
    def models_used(self) -> tuple[str, ...]:
        return (self.model,)

    @property
    def signals_used(self) -> tuple[str, ...]:
        return (self.signal,) if self.signal else ()

    @property
    def thresholds_used(self) -> tuple[tuple[str, float], ...]:
        return () if self.threshold is None else ((self.signal, self.threshold),)
