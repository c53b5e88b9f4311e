"""A source whose higher values mean less sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from routelab.core import Request
from routelab.errors import PolicyError
from routelab.signals.names import REVERSED
from routelab.signals.source import Body, SignalReading, SignalSource


class Reversed(SignalSource, frozen=True):
    """Another source with the opposite sign, such as an entropy; a missing value stays one."""

    inner: SignalSource

    @classmethod
    def parse(cls, argument: str, source: Callable[[str], SignalSource]) -> Reversed:
        """The source that `reversed:ARGUMENT` names.

        Args:
            argument: a column of responses, or another source.
            source: makes one of that text.
        Raises:
            PolicyError: the argument is empty, or names no source.
        """
        if not argument:
            raise PolicyError("reversed: needs a name, as in reversed:entropy")
        return cls(source(argument))

    @property
    def samples(self) -> int:
        return self.inner.samples

    @property
    def bounds(self) -> tuple[float, float]:
        least, greatest = self.inner.bounds
        return -greatest, -least

    @property
    def fields(self) -> Body:
        return self.inner.fields

    @property
    def column(self) -> str | None:
        return self.inner.column

    def __str__(self) -> str:
        return f"{REVERSED}{self.inner}"

    def read(self, request: Request, bodies: Sequence[Body | None]) -> SignalReading:
        reading = self.inner.read(request, bodies)
        return reading._replace(value=-reading.value)
