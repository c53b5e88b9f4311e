"""Self-consistency: how many samples of a model give the same answer.

Source: Wang et al. 2022, arXiv 2203.11171.
"""

from __future__ import annotations

from collections.abc import Sequence

from routelab.core import Request
from routelab.errors import PolicyError
from routelab.signals.canonical import answer_parts
from routelab.signals.source import Body, SignalReading, SignalSource

_COUNTS = frozenset(map(str, range(2, 65)))


class Agreement(SignalSource, frozen=True):
    """Share of the other `n - 1` samples whose normalised text equals the first's.

    Compatibility forms, case and white space do not count. Tool calls are compared by name and
    arguments. A sample that failed, refuses or says nothing disagrees with every other.
    """

    n: int

    @classmethod
    def parse(cls, argument: str) -> Agreement:
        """The source that `agreement:ARGUMENT` names.

        Raises:
            PolicyError: the argument is no whole number from 2 to 64.
        """
        if argument not in _COUNTS:
            raise PolicyError(
                f"agreement:{argument}: the number of samples must be 2 to 64, as in agreement:3"
            )
        return cls(int(argument))

    @property
    def samples(self) -> int:
        return self.n

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0

    def __str__(self) -> str:
        return f"agreement:{self.n}"

    def read(self, request: Request, bodies: Sequence[Body | None]) -> SignalReading:
        first, *others = [None if body is None else _normal(body) for body in bodies[: self.n]]
        if first is None:  # no answer, with which none agrees
            return SignalReading(0.0)
        return SignalReading(sum(other == first for other in others) / (self.n - 1))


def _normal(body: Body) -> str | None:
    """What the first choice says, as it is compared; None where that is no answer."""
    import unicodedata  # for who samples

    said = answer_parts(body)[:1]
    if not said or not said[0].answers:
        return None
    return " ".join(unicodedata.normalize("NFKC", said[0].identity).casefold().split())
