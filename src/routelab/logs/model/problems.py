"""Everything wrong with one file, a few examples of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from routelab.core import Bools
from routelab.core.messages import foreign
from routelab.errors import LogError

SHOWN = 5
"""Examples of one kind of problem; the rest is counted."""


class Problems:
    """Collects problems, so that a user mends a file once and not once per mistake."""

    def __init__(self, file: str) -> None:
        self.file = foreign(file)
        self._found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, text: str) -> None:
        """One problem."""
        self._found.append(f"{self.file}: {text}")

    def each(self, bad: Bools, say: Callable[[int], str]) -> None:
        """A problem of many rows: examples, then how many more there are.

        Args:
            bad: (n,) which rows have it.
            say: puts it into words for a row.
        """
        self.some([say(int(row)) for row in np.flatnonzero(bad)[:SHOWN]], int(bad.sum()))

    def some(self, examples: Sequence[str], total: int) -> None:
        """Examples of a problem that happens `total` times."""
        for text in examples[:SHOWN]:
            self.add(text)
        if total > SHOWN:
            self.add(f"... and {total - SHOWN:,} more like the {SHOWN} above")

    def stop(self) -> None:
        """Raise them all.

        Raises:
            LogError: if there is any.
        """
        if self._found:
            raise LogError(*self._found)
