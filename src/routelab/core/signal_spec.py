"""What a confidence signal costs and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec


class SignalSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a confidence signal is had, and what it costs beside the answer.

    >>> from routelab import read
    >>> from routelab.core import SignalSpec
    >>> sure = SignalSpec(multiplier=3.0, source="agreement:3")  # three samples, all paid for
    >>> log = read("log.parquet", signals={"confidence": sure})
    >>> log.spec("confidence").multiplier
    3.0

    Attributes:
        multiplier: a call that obtains the signal costs this many times the logged cost;
            None if unknown, which is charged as 1 and warned about.
        extra_cost: the log's column of extra USD per call, instead of a multiplier.
        source: how a live response yields it (see `routelab.signals`); empty for the default.
        knowable: somebody vouches that it is known before the answer is delivered, although it
            looks like a label; not written where nobody does.
    """

    multiplier: float | None = None
    extra_cost: str | None = None
    source: str = ""
    knowable: bool | msgspec.UnsetType = msgspec.UNSET

    @property
    def cost_known(self) -> bool:
        return self.multiplier is not None or self.extra_cost is not None

    @property
    def vouched(self) -> bool:
        """Whether somebody says that it is known before the answer is delivered."""
        return self.knowable is True

    @property
    def problems(self) -> Iterator[str]:
        """What makes no sense, in sentences."""
        if self.multiplier is not None and not 1 <= self.multiplier < math.inf:
            yield (
                f"multiplier is {self.multiplier}; it counts the answer itself, so it is finite"
                " and at least 1"
            )
        if self.multiplier is not None and self.extra_cost is not None:
            yield "give a multiplier or an extra_cost column, not both"
