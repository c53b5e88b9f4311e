"""The script that a text is mostly written in: as much of its language as can be told safely."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

SAMPLE = 400
"""Characters looked at, from the beginning."""

NO_LETTERS = "no letters"
"""What `script` says of a text without letters."""

SCRIPTS = (
    "Latin",
    "Greek",
    "Cyrillic",
    "Armenian",
    "Hebrew",
    "Arabic",
    "Syriac",
    "Thaana",
    "Devanagari",
    "Bengali",
    "Gurmukhi",
    "Gujarati",
    "Oriya",
    "Tamil",
    "Telugu",
    "Kannada",
    "Malayalam",
    "Sinhala",
    "Thai",
    "Lao",
    "Tibetan",
    "Myanmar",
    "Georgian",
    "Hangul",
    "Ethiopic",
    "Khmer",
    "Mongolian",
    "Bopomofo",
    "Kana",
    "Han",
)
"""Names of the scripts that living languages are mostly written in."""

_SCRIPTS = {
    "CJK": "Han",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "HALFWIDTH": "Kana",
    "FULLWIDTH": "Latin",
    "FEMININE": "Latin",
    "MASCULINE": "Latin",
    "MICRO": "Greek",
    "OHM": "Greek",
    "MATHEMATICAL": "",
    "MODIFIER": "",
    "DOUBLE-STRUCK": "",
    "SCRIPT": "",
}


def script(text: str) -> str:
    """For example Latin, Han or Cyrillic; of equally frequent ones the first by name."""
    sample = text[:SAMPLE]
    if sample.isascii():
        return "Latin" if any(map(str.isalpha, sample)) else NO_LETTERS
    found: Counter[str] = Counter()
    for character, times in Counter(sample).items():
        found[_script(character)] += times
    del found[""]
    return min(found, key=lambda name: (-found[name], name), default=NO_LETTERS)


@lru_cache(maxsize=1 << 14)
def _script(character: str) -> str:
    """Of one letter; empty for what is none, or belongs to every script."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").partition(" ")[0]
    return _SCRIPTS.get(first, first.capitalize())
