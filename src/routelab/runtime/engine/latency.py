"""How slow a deployment is at present.

Source: Finagle, "Peak EWMA" load metric.
"""

from __future__ import annotations

import math

DECAY_S = 30.0
"""After so long without a call, what was seen weighs 1/e."""


class PeakEwma:
    """Jumps to a latency that is worse than expected, and forgets it slowly."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value = 0.0
        self._at = -math.inf

    def observe(self, latency_s: float, now: float) -> None:
        """A call took so long."""
        kept = math.exp((self._at - now) / DECAY_S) if self._at > -math.inf else 0.0
        smooth = self._value * kept + latency_s * (1.0 - kept)
        self._value, self._at = max(latency_s, smooth), now

    def at(self, now: float) -> float:
        """Seconds to expect; 0 before the first call, and fading, so that all are tried again."""
        return self._value * math.exp((self._at - now) / DECAY_S) if self._value else 0.0
