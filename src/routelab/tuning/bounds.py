"""What the user demands of a policy."""

from __future__ import annotations

import math

import msgspec

from routelab.errors import TuningError


class Bounds(msgspec.Struct, frozen=True):
    """Limits on mean cost and mean quality; None where there is none.

    Attributes:
        max_usd_per_1k: USD per 1,000 requests.
        min_quality: in [0, 1].
        min_quality_share: of the best candidate's quality on the same rows.
    """

    max_usd_per_1k: float | None = None
    min_quality: float | None = None
    min_quality_share: float | None = None

    def check(self) -> None:
        """Refuse limits that make no sense.

        Raises:
            TuningError: naming every such limit.
        """
        problems = []
        if self.max_usd_per_1k is not None and not 0 < self.max_usd_per_1k < math.inf:
            problems.append(f"--max-usd-per-1k is {self.max_usd_per_1k}; it must be positive")
        if self.min_quality is not None and not 0 <= self.min_quality <= 1:
            problems.append(f"--min-quality is {self.min_quality}; quality lies in [0, 1]")
        if self.min_quality_share is not None and not 0 < self.min_quality_share <= 2:
            problems.append(
                f"--min-quality-share is {self.min_quality_share}; it is a share of the best"
                " model's quality, for example 0.98"
            )
        if problems:
            raise TuningError(*problems)

    @property
    def on_quality(self) -> bool:
        """Whether quality is bounded, so that the least cost is wanted."""
        return self.min_quality is not None or self.min_quality_share is not None

    def floor(self, best_quality: float) -> float | None:
        """The quality demanded, where the best candidate reaches `best_quality`."""
        floors = [] if self.min_quality is None else [self.min_quality]
        if self.min_quality_share is not None:
            floors.append(self.min_quality_share * best_quality)
        return max(floors, default=None)
