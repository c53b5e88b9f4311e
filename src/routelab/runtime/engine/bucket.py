"""A rate limit as a bucket that fills up steadily."""

from __future__ import annotations

import math


class Bucket:
    """A token bucket: grants `per_minute` in the long run, `burst_s` seconds' worth at once.

    Something larger than the bucket is granted when the bucket is full, and leaves a debt.
    """

    __slots__ = ("_level", "_since", "capacity", "rate")

    def __init__(self, per_minute: float, burst_s: float) -> None:
        self.rate = per_minute / 60.0
        self.capacity = max(1.0, self.rate * burst_s)
        self._level = self.capacity
        self._since = -math.inf

    def level(self, now: float) -> float:
        """What could be taken at once; negative while there is a debt."""
        gone_s = max(0.0, now - self._since)  # a clock that steps back takes nothing
        return min(self.capacity, self._level + gone_s * self.rate)

    def ready_at(self, amount: float, now: float) -> float:
        """Seconds of the clock at which an amount can be taken; `now` if it can be already."""
        if amount <= self._level:
            return now  # it only fills up
        lacking = min(amount, self.capacity) - self.level(now)
        return now if lacking <= _DUST else now + lacking / self.rate

    def take(self, amount: float, now: float) -> None:
        """Take an amount, which `ready_at` said can be had.

        Args:
            amount: of requests or tokens.
            now: seconds of the clock.
        """
        self._level, self._since = self.level(now) - amount, now

    def give_back(self, amount: float, now: float) -> None:
        """Return an amount that was not used; a negative one takes what was not foreseen."""
        self._level, self._since = min(self.capacity, self.level(now) + amount), now


_DUST = 1e-6
"""What rounding may leave lacking at the very moment that was announced."""
