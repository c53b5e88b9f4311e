"""A function of yours judges the answer."""

from __future__ import annotations

import math

from routelab.core import Gate
from routelab.errors import PolicyError


class Function(Gate, frozen=True, tag="function"):
    """A function that the router is given: `RouterConfig(gate_functions={NAME: function})`.

    It is called with the request and the answer's text, in a thread unless it is a coroutine
    function, and gives None, or why the answer is refused. If it raises, or takes longer than
    `timeout_s`, the answer is refused. Its time is the request's time.

    Attributes:
        function: its name. In a log without texts a column `gate:NAME` holds its verdicts.
        timeout_s: in (0, 60].
    """

    function: str
    timeout_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.function:
            raise PolicyError("a function gate needs the name of a function")
        if not (math.isfinite(self.timeout_s) and 0.0 < self.timeout_s <= 60.0):
            raise PolicyError(
                f"timeout_s of the gate {self.function!r} is {self.timeout_s}; it lies in (0, 60]"
            )

    @property
    def name(self) -> str:
        return f"gate:{self.function}"
