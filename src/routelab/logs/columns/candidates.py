"""Which columns that are ours by no name are confidence signals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from routelab.logs.formats import RowSource

_MOSTLY = 0.8
_LIKELY = re.compile(
    r"(^|[_|])(conf|confidence|prob|probability|logprobs?|certainty|sure|margin|self_score)($|_)"
)
"""Names of columns of which somebody expects that they are signals."""


class SignalCandidates(NamedTuple):
    """Columns of a file.

    Attributes:
        signals: numbers on at least four fifths of the rows with a value, so that words among
            them stand for missing values.
        ignored: words or lists, with fewer numbers; with none at all where a name is that of a
            signal.
    """

    signals: tuple[str, ...]
    ignored: tuple[str, ...]


def candidates(source: RowSource, columns: Iterable[str]) -> SignalCandidates:
    """Sort columns by what they hold; most columns without any number are in neither."""
    share = {name: source.number_share(name) for name in columns}
    return SignalCandidates(
        signals=tuple(name for name, numbers in share.items() if numbers >= _MOSTLY),
        ignored=tuple(
            name
            for name, numbers in share.items()
            if numbers < _MOSTLY and (numbers > 0 or _LIKELY.search(name.lower()))
        ),
    )
