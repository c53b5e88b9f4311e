"""A short text taken apart: bytes, words, and what is not ASCII."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from routelab.signals.features import words

_UNSPACED = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""Scripts that write words without spaces, or many syllables to a word."""

_ASCII = bytes(range(128))
_WORD = bytes(
    code + 32 if 65 <= code <= 90 else code if code >= 128 or chr(code).isalnum() else 32
    for code in range(256)
)
"""Lower case; a space for whatever is in no word."""


class Passage(NamedTuple):
    """A text and its parts.

    Attributes:
        data: UTF-8, lone surrogates included, with a line break before and after.
        foreign: the characters that are not ASCII.
        codes: uint32, CRC-32 of each word in lower case, by which words are told apart; a
            character of an unspaced script is a word.
        n: number of words.
        letters: bytes of the words.
        lettered: whether a word is all a to z.
    """

    text: str
    data: bytes
    foreign: str
    codes: bytes
    n: int
    letters: int
    lettered: bool


@lru_cache(maxsize=2)  # the features of one request share it
def passage(text: str) -> Passage:
    """A text taken apart."""
    folded = data = _encoded(text)
    foreign = ""
    if not text.isascii():
        foreign = data.translate(None, _ASCII).decode("utf-8", "surrogatepass")
        if foreign != foreign.lower() or re.search(_UNSPACED, foreign):
            folded = _encoded(re.sub(_UNSPACED, r" \g<0> ", text.lower()))
    codes, letters, lettered = words.read(folded.translate(_WORD))
    return Passage(text, data, foreign, codes, len(codes) // 4, letters, lettered)


def _encoded(text: str) -> bytes:
    return b"\n%b\n" % text.encode("utf-8", "surrogatepass")
