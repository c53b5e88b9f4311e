"""How much may be done to tell whether regular expressions are dear to search for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_STEPS = 1_000_000
"""Steps that looking at a pattern may take; twice as many for all of a policy."""


class TooLargeError(ValueError):
    """A pattern is too large to be looked at."""


class Effort:
    """What looking at patterns may take, of one or of several together.

    Args:
        steps: of which a million take a quarter of a second.
    """

    def __init__(self, steps: int = _STEPS) -> None:
        self._left = steps

    @staticmethod
    def here() -> Effort:
        """That of all the patterns that are looked at here, or of this one alone."""
        return _shared.get() or Effort()

    def spend(self, steps: int) -> None:
        """Take some.

        Raises:
            TooLargeError: there are none left.
        """
        self._left -= steps
        if self._left < 0:
            raise TooLargeError("too many letters in what repeats, or too many patterns")


_shared: ContextVar[Effort | None] = ContextVar("effort of patterns", default=None)


@contextmanager
def shared_effort() -> Iterator[None]:
    """Let all patterns that are looked at in the block share what one may take."""
    token = _shared.set(Effort(2 * _STEPS))
    try:
        yield
    finally:
        _shared.reset(token)
