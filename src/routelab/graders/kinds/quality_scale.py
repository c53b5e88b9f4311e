"""Scales of grades that somebody gave: numbers from the worst to the best, or words."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from routelab.errors import GradingError

WORDS = {
    **dict.fromkeys(
        ("pass", "passed", "correct", "right", "success", "succeeded", "true", "yes", "good",
         "up", "thumbs_up", "thumbs up", "positive", "like", "\U0001f44d"), 1.0,
    ),
    **dict.fromkeys(
        ("fail", "failed", "incorrect", "wrong", "failure", "false", "no", "bad", "down",
         "thumbs_down", "thumbs down", "negative", "dislike", "\U0001f44e"), 0.0,
    ),
}  # fmt: skip
"""What words of judgement are worth, in small letters."""


class QualityScale(NamedTuple):
    """The worst and the best of a scale; the best may be the lower number."""

    worst: float
    best: float

    @classmethod
    def of(cls, text: str) -> Self:
        """A scale written as WORST:BEST, such as `1:5`.

        Raises:
            GradingError: it is none.
        """
        ends = text.split(":")
        try:
            worst, best = (float(it) for it in ends)
        except ValueError:
            worst = best = math.nan
        if not (math.isfinite(worst) and math.isfinite(best) and worst != best):
            raise GradingError(f"the scale {text!r} is not WORST:BEST, such as 1:5")
        return cls(worst, best)

    def quality(self, value: float, whose: str) -> float:
        """A number of the scale in [0, 1].

        Args:
            value: on the scale.
            whose: who gave it, for a message.
        Raises:
            GradingError: it is not on the scale.
        """
        found = (value - self.worst) / (self.best - self.worst)
        if not -1e-9 <= found <= 1 + 1e-9:
            raise GradingError(
                f"{whose}: {value:g} is not on the scale {self.worst:g}:{self.best:g}"
            )
        return min(1.0, max(0.0, found))
