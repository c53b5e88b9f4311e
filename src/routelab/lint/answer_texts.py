"""What the texts of answers and prompts show, looked at once and not kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats
from routelab.gates import Refusal
from routelab.logs import Texts

LONG = 40
"""Characters of an answer from which on it is no coincidence that two are the same."""

BLOCK = 16_384
"""Requests of which the texts are held at once."""
_TAIL = 300
"""Characters at the end of a prompt in which an answer may have been left."""

_MARK = re.compile(
    r"(?:^|[\n.?!]\s*)[#*\s]*(?:(?:the\s+)?(?:correct|right|gold|expected|reference)\s+)?"
    r"(?:answer|solution|label)\s*(?:is|:|=)[*\s]*([^\n]+?)[\s.*]*\Z",
    re.IGNORECASE,
)
_THINKING = ("<think>", "<thinking>", "<reasoning>", "<|channel|>analysis")
_REFUSAL = Refusal()


class AnswerTexts(NamedTuple):
    """What texts show; requests (n), models (m).

    Attributes:
        length: (n, m) characters of each answer; NaN where none is logged.
        refuses: (n, m) it reads like a refusal; looked at where it is wrong.
        thinks: (n, m) it holds the text of thinking.
        same: (n, m) a number that two long answers share if they are the same; 0 for short ones.
        prompt_length: (n,) characters.
        told: (n,) what a prompt that ends in an answer says is the answer, in small letters; else
            the empty text.
        short: (n, m) short answers, in small letters; the empty text for others.
    """

    length: Floats
    refuses: Bools
    thinks: Bools
    same: npt.NDArray[np.uint64]
    prompt_length: Floats
    told: npt.NDArray[np.object_]
    short: npt.NDArray[np.object_]


def answer_texts(texts: Texts, cells: Iterable[tuple[int, int, str]], wrong: Bools) -> AnswerTexts:
    """Look at all texts of a log, some at a time.

    Args:
        texts: of the log, for its prompts.
        cells: answers with their places (row, column).
        wrong: (n, m) answers that have the lowest grade, which may be refusals.
    """
    n, m = wrong.shape
    found = AnswerTexts(
        np.full((n, m), np.nan),
        np.zeros((n, m), dtype=np.bool_),
        np.zeros((n, m), dtype=np.bool_),
        np.zeros((n, m), dtype=np.uint64),
        np.zeros(n),
        np.full(n, "", dtype=object),
        np.full((n, m), "", dtype=object),
    )
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(n, start + BLOCK))
        for row, prompt in zip(rows, texts.prompts(rows), strict=True):
            found.prompt_length[row] = len(prompt)
            found.told[row] = _told(prompt)
    for row, column, text in cells:
        if np.isnan(found.length[row, column]):  # the first of several
            _look(found, (row, column), text, wrong=bool(wrong[row, column]))
    return found


def _look(found: AnswerTexts, key: tuple[int, int], text: str, *, wrong: bool) -> None:
    bare = text.strip()
    found.length[key] = len(bare)
    found.refuses[key] = wrong and bool(bare) and _REFUSAL.problem(bare) is not None
    opening = bare[:200].lower()
    found.thinks[key] = any(it in opening for it in _THINKING)
    if len(bare) >= LONG:
        digest = hashlib.blake2b(bare.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        found.same[key] = int.from_bytes(digest, "little") or 1
    else:
        found.short[key] = plain(bare)


def plain(text: str) -> str:
    """A short text as it is compared: in small letters, without what stands around it."""
    return " ".join(text.casefold().split()).strip(" .()[]*`'\"$")


def _told(prompt: str) -> str:
    named = _MARK.search(prompt[-_TAIL:].rstrip())
    return plain(named[1]) if named else ""
