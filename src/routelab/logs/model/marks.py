"""Which part a column of a log says that each request belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from routelab.core.messages import first, foreign
from routelab.errors import LogError

ALIASES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "tune": ("tune", "tuning", "val", "valid", "validation", "dev", "development"),
    "calibrate": ("calibrate", "calibration", "cal", "calib"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "holdout", "heldout"),
}
"""By part, the words that mark it, in any case and with any blanks, dashes and underscores."""

SHOWN = 8
"""Wrong words that a message names."""

_PART_OF = {word: at for at, words in enumerate(ALIASES.values()) for word in words}
_WAY_OUT = (
    "mark train, tune, calibrate or test (validation, dev, eval and the like are known), read the"
    " log with `columns={'split': ''}` to leave the column out, or cut it with `split='time'` or"
    " 'random'"
)


def marked_parts(
    name: str, values: Iterable[str], *, insisted: bool = False
) -> dict[str, int] | None:
    """The part, by its place, that each word of the column marks; None of a column about others.

    A column marks parts where test is among them, and train or tune. One whose words mark nothing
    is about something else, and one that marks a single part, as files of published data sets do,
    cuts nothing: both are left aside.

    Args:
        name: of the log.
        values: of the column, each once or more.
        insisted: the user asked for this column.
    Raises:
        LogError: some words mark parts and others do not, all of which are named; or the column
            was asked for and does not cut the log.
    """
    words = sorted({str(value) for value in values})
    found = {word: _PART_OF.get(re.sub(r"[\W_]+", "", word.lower())) for word in words}
    known = {word: at for word, at in found.items() if at is not None}
    wrong = [repr(foreign(word)) if word else "no value at all" for word in found.keys() - known]
    if wrong and (known or insisted):
        raise LogError(
            f"{name}: column 'split' says which part a request belongs to, and holds"
            f" {first(sorted(wrong), SHOWN)}, which is none; {_WAY_OUT}"
        )
    there = set(known.values())
    if 3 in there and there & {0, 1}:
        return known
    if insisted:
        marked = ", ".join(part for at, part in enumerate(ALIASES) if at in there) or "nothing"
        raise LogError(
            f"{name}: column 'split' marks {marked}, and a study needs test and train or tune;"
            f" {_WAY_OUT}"
        )
    return None
