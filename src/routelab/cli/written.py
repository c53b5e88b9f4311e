"""Options of `routelab tune` that are written in a form of their own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from routelab.errors import TuningError
from routelab.tuning import Floor
from routelab.tuning.options import BY, By


def floors(texts: Sequence[str]) -> tuple[Floor, ...]:
    """Floors given as COLUMN=LOSS.

    Raises:
        TuningError: naming every one that is not.
    """
    found, problems = [], []
    for text in texts:
        column, _, loss = text.partition("=")
        try:
            found.append(Floor(column, float(loss)))
        except ValueError:
            problems.append(f"--floor {text}: give it as COLUMN=LOSS, for example task=0.02")
    if problems:
        raise TuningError(*problems)
    return tuple(found)


def by(text: str | None) -> By | None:
    """A column that policies are parted by.

    Raises:
        TuningError: there is no such column.
    """
    try:
        found: By | None = msgspec.convert(text, By | None)
    except msgspec.ValidationError as error:
        raise TuningError(f"--by {text!r} is unknown; choose {', '.join(BY)}") from error
    return found


def pair(text: str | None) -> tuple[str, str] | None:
    """Two models given as WEAK,STRONG.

    Raises:
        TuningError: it is not two.
    """
    if text is None:
        return None
    weak, comma, strong = text.partition(",")
    if not comma or not weak or not strong or "," in strong:
        raise TuningError(f"--pair {text}: name two models as WEAK,STRONG")
    return weak, strong
