"""A running estimate of a deployment's latency.

Source: Finagle, "Peak EWMA" load metric.
"""

from __future__ import annotations

import math

DECAY_S = 30.0
"""After so long without a call, what was seen weighs 1/e."""

UNKNOWN_S = 1.0
"""Expected of a deployment that has not answered yet."""

FAILED_DECAY_S = 5.0
"""A failure says less of the next call than a slow answer does, and is forgotten sooner."""

FAILED_TIMES = 4.0
"""A failure is felt as so many more calls, or who refuses fastest would be asked most."""


class PeakEwma:
    """Jumps to a latency that is worse than expected, and forgets it slowly; failures faster."""

    __slots__ = ("_at", "_failed", "_failed_at", "_value")

    def __init__(self) -> None:
        self._value = self._failed = 0.0
        self._at = self._failed_at = -math.inf

    def observe(self, latency_s: float, now: float) -> None:
        """An answer took so long."""
        kept = _kept((now - self._at) / DECAY_S) if self._at > -math.inf else 0.0
        smooth = self._value * kept + latency_s * (1.0 - kept)
        self._value, self._at = max(latency_s, smooth), now

    def failed(self, took_s: float, now: float) -> None:
        """A call failed after so long."""
        usual_s = self._seen(now) or UNKNOWN_S
        self._failed = max(self._blamed(now), FAILED_TIMES * usual_s)
        self._failed_at = now
        if took_s > usual_s:
            self.observe(took_s, now)

    def at(self, now: float) -> float:
        """Seconds to expect; 0 before the first call, and fading, so that all are tried again."""
        seen_s = self._seen(now)
        return seen_s + self._blamed(now) if self._failed else seen_s

    def _seen(self, now: float) -> float:
        return self._value * _kept((now - self._at) / DECAY_S) if self._value else 0.0

    def _blamed(self, now: float) -> float:
        return self._failed and self._failed * _kept((now - self._failed_at) / FAILED_DECAY_S)


def _kept(times: float) -> float:
    """The share that is left after so many times the decay; all of it if the clock went back."""
    return math.exp(-max(0.0, times))
