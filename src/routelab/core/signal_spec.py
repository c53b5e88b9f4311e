"""What a confidence signal costs and where it comes from."""

from __future__ import annotations

import msgspec


class SignalSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a confidence signal is had, and what it costs beside the answer.

    Attributes:
        multiplier: a call that obtains the signal costs this many times the logged cost;
            None if unknown, which is charged as 1 and warned about.
        extra_cost: the log's column of extra USD per call, instead of a multiplier.
        source: how a live response yields it (see `routelab.signals`); empty for the default.
    """

    multiplier: float | None = None
    extra_cost: str | None = None
    source: str = ""

    @property
    def cost_known(self) -> bool:
        return self.multiplier is not None or self.extra_cost is not None
