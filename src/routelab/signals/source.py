"""What every source of a confidence signal is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from routelab.core import Request

Body: TypeAlias = Mapping[str, Any]
"""A decoded chat completion."""


class SignalReading(NamedTuple):
    """A signal's value on one answer.

    Attributes:
        value: NaN where it could not be had.
        note: why not.
        fix: what an operator can change; empty when the set-up is not at fault.
    """

    value: float
    note: str = ""
    fix: str = ""


class SignalSource(msgspec.Struct, frozen=True):
    """How a signal is had from live responses."""

    @property
    def samples(self) -> int:
        """Answers to ask the model for; the first one is delivered."""
        return 1

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return -math.inf, math.inf

    @property
    def fields(self) -> Body:
        """What the request body must ask for."""
        return {}

    @property
    def column(self) -> str | None:
        """Name of the value that the upstream computes and charges for, if it does."""
        return None

    def read(self, request: Request, bodies: Sequence[Body | None]) -> SignalReading:
        """The signal of one answer.

        Args:
            request: as it was sent.
            bodies: (samples,) responses; None for a sample that failed. The first is there.
        Raises:
            TypeError: the kind does not define it.
        """
        raise TypeError(f"{type(self).__name__} does not define read")


def missing(note: str, fix: str = "") -> SignalReading:
    """A signal that could not be had."""
    return SignalReading(math.nan, note, fix)


def number(value: object) -> float | None:
    """The value as a float; None if it is no number."""
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None
