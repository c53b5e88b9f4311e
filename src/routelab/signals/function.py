"""A signal computed by the user's own function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from routelab.core import Request
from routelab.signals.source import Body, SignalReading, SignalSource, missing, number

SignalFunction: TypeAlias = Callable[[Request, Body], float]


class FunctionSignal(SignalSource, frozen=True):
    """`function(request, response_body)`; a function that fails gives no signal."""

    function: SignalFunction

    def __str__(self) -> str:
        return f"function {getattr(self.function, '__name__', type(self.function).__name__)}"

    def read(self, request: Request, bodies: Sequence[Body | None]) -> SignalReading:
        body = bodies[0]
        assert body is not None  # signals are only read from answers
        try:
            value = number(self.function(request, body))
        except Exception as error:  # noqa: BLE001  (whatever it raises, the request goes on)
            return missing(f"{self} raised {type(error).__name__}: {error}", "mend the function")
        if value is None:
            return missing(f"{self} returned no number", "the function must return a float")
        if math.isnan(value):
            return missing(f"{self} returned NaN")
        return SignalReading(value)
