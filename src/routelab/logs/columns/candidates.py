"""Which columns that are ours by no name may be confidence signals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from routelab.logs.formats import RowSource

_MOSTLY = 0.8


class SignalCandidates(NamedTuple):
    """Columns of a file.

    Attributes:
        signals: numbers on at least four fifths of the rows with a value, so that words among
            them stand for missing values; or no value at all.
        ignored: words or lists, with fewer numbers or none.
    """

    signals: tuple[str, ...]
    ignored: tuple[str, ...]


def candidates(source: RowSource, columns: Iterable[str]) -> SignalCandidates:
    """Sort columns by what they hold; a column without any value counts as numbers."""
    share = {name: source.number_share(name) for name in columns}
    return SignalCandidates(
        signals=tuple(name for name, numbers in share.items() if numbers >= _MOSTLY),
        ignored=tuple(name for name, numbers in share.items() if numbers < _MOSTLY),
    )
