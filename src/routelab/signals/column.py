"""A signal that the endpoint itself returns."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core import Request
from routelab.errors import PolicyError
from routelab.signals.source import Body, SignalReading, SignalSource, missing, number


class Column(SignalSource, frozen=True):
    """`routelab.signals.NAME` of the response, else NAME as a dotted path in it."""

    name: str

    @classmethod
    def parse(cls, argument: str) -> Column:
        """The source that `column:ARGUMENT` names.

        Raises:
            PolicyError: the argument is empty.
        """
        if not argument:
            raise PolicyError("column: needs a name, as in column:confidence")
        return cls(argument)

    @property
    def column(self) -> str:
        return self.name

    def __str__(self) -> str:
        return f"column:{self.name}"

    def read(self, request: Request, bodies: Sequence[Body | None]) -> SignalReading:
        named = _at(bodies[0], ("routelab", "signals", self.name))
        value = _at(bodies[0], self.name.split(".")) if named is _ABSENT else named
        if value is _ABSENT:
            return missing(
                f"the response has neither routelab.signals.{self.name} nor {self.name}",
                "name what the endpoint returns: signals={NAME: 'column:PATH.TO.FIELD'},"
                " or compute it from the answer: signals={NAME: 'logprob_mean'}",
            )
        if value is None:
            return missing("the endpoint has no value for this answer")
        if (known := number(value)) is None:
            return missing(f"{self.name} is {str(value)[:40]!r}", "the field must hold a number")
        return SignalReading(known)


_ABSENT = object()


def _at(value: object, path: Sequence[str]) -> object:
    for key in path:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _ABSENT
    return value
