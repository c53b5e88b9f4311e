"""Read the signals of answers, and say once which ones cannot be had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from routelab.core import Request
from routelab.runtime.calls.warn_once import WarnOnce
from routelab.signals import Body, SignalReading, SignalSource

_MOST = 1e12
"""Beyond it no number is a signal, and would pass, or fail, every threshold."""
NEVER = 20
"""First answers of a model that all lack a value before a warning: a few may well lack one."""


def _bounded(reading: SignalReading) -> SignalReading:
    """A reading, unless its value is none that a record can hold and a policy may decide by."""
    if abs(reading.value) <= _MOST:
        return reading
    if reading.value != reading.value:
        return reading if reading.note else reading._replace(note="its value is NaN")
    return SignalReading(math.nan, f"its value is {reading.value:g}, which can be none")


class SignalReader:
    """Reads what calls need.

    Args:
        tell: takes the model, what its answers lack, and the warning.
    """

    def __init__(self, tell: WarnOnce) -> None:
        self._tell = tell
        self._never: dict[tuple[str, str], int] = {}
        self._seen: set[tuple[str, str]] = set()

    def read(
        self,
        model: str,
        request: Request,
        sources: Mapping[str, SignalSource],
        bodies: Sequence[Body | None],
    ) -> tuple[dict[str, float], list[str]]:
        """Values, NaN where there is none, and a note for each of these.

        Args:
            bodies: of the call's samples; without the first one nothing can be read.
        """
        if not sources:
            return {}, []
        if bodies[0] is None:
            return dict.fromkeys(sources, math.nan), []
        readings = {
            name: _bounded(source.read(request, bodies)) for name, source in sources.items()
        }
        for name, reading in readings.items():
            self._consider(model, name, reading)
        notes = [
            f"signal {name!r} ({sources[name]}): {reading.note}"
            for name, reading in readings.items()
            if reading.note
        ]
        return {name: reading.value for name, reading in readings.items()}, notes

    def _consider(self, model: str, name: str, reading: SignalReading) -> None:
        key = model, name
        if not math.isnan(reading.value):
            self._seen.add(key)
            return
        warning = f"model {model!r} gives no signal {name!r}, so it escalates: {reading.note}"
        if reading.fix:
            self._tell(
                model, f"signal {name}", f"{warning}; {reading.fix.replace('NAME', repr(name))}"
            )
        elif key not in self._seen:
            self._never[key] = self._never.get(key, 0) + 1
            if self._never[key] == NEVER:
                self._tell(
                    model, f"signal {name}", f"{warning} (each of its first {NEVER} answers)"
                )
