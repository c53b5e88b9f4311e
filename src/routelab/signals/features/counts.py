"""The numbers that a prompt is described by, in groups that are computed together."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from math import log1p
from typing import TypeAlias
from zlib import crc32

from routelab.signals.answer_text import content_text
from routelab.signals.features.passage import Passage
from routelab.signals.features.sample import Sample

Group: TypeAlias = Callable[[Sample], tuple[float, ...]]


def _codes(words: bytes) -> frozenset[int]:
    return frozenset(map(crc32, words.split()))


_ASKING = _codes(b"what why how who whom whose which when where explain prove")
_DENYING = _codes(b"not no never none neither nor except without least")
_DIGITS, _UPPER, _SIGNS = b"0123456789", bytes(range(65, 91)), b"=+*/^<>\\%$~"
_CODE_WORDS = _codes(b"def import include return const void elif printf println")
_CODE_LINES = (b";\n", b"{\n", b"}\n", b"):\n", b"\n\t", b"\n    ")

_NUMBERED = re.compile(rb"\n *[0-9]+[.)] ")
_MATHS = re.compile(
    "[\u00b1\u00b2\u00b3\u00b9\u00d7\u00f7\u0370-\u03ff\u2070-\u209f\u2190-\u22ff\u27c0-\u2aff]"
)
_STARTS, _SCRIPTS = zip(
    (0x0000, "latin"),
    (0x0370, "greek"),
    (0x0400, "cyrillic"),
    (0x0530, "armenian"),
    (0x0590, "hebrew"),
    (0x0600, "arabic"),
    (0x0900, "indic"),
    (0x0E00, "thai"),
    (0x0F00, "other"),
    (0x1100, "hangul"),
    (0x1200, "other"),
    (0x1E00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "other"),
    (0x3040, "kana"),
    (0x3100, "other"),
    (0x3400, "han"),
    (0xA000, "other"),
    (0xAC00, "hangul"),
    (0xD7B0, "other"),
    (0xF900, "han"),
    (0xFB00, "other"),
    (0x20000, "han"),
    (0x30000, "other"),
    strict=True,
)


def _size(it: Sample) -> tuple[float, ...]:
    characters = len(it.text)
    per_token = 0.25 + 0.5 * _foreign_share(it)  # four ASCII characters to a token, fewer others
    lines = [*map(len, it.short.text.split("\n"))]
    return (
        log1p(characters * per_token),
        log1p(characters),
        log1p(it.breaks),
        log1p(max(lines)),
        log1p(lines[-1]),
    )


def _foreign_share(it: Sample) -> float:
    return len(it.short.foreign) / len(it.short.text) if it.short.foreign else 0.0


def _marks(it: Sample) -> tuple[float, ...]:
    times = it.signs.count
    maths = it.among(_SIGNS)
    if it.short.foreign:
        maths += len(_MATHS.findall(it.short.foreign))
    return (
        log1p(it.among(_DIGITS)),
        it.among(_UPPER) / len(it.short.data),
        log1p(maths),
        log1p(times(b"?")),
        log1p(times(b",")),
        log1p(times(b'"') + times(b"'")),
        log1p(times(b"_")),
    )


def _layout(it: Sample) -> tuple[float, ...]:
    signs, times = it.signs, it.short.data.count
    fences = items = 0
    code = len(_CODE_WORDS & it.distinct)
    if b"`" in signs:  # told at less cost than what begins with it
        fences = times(b"```")
    if b"<" in signs or b"=" in signs:
        code += times(b"</") + times(b"==") + times(b"=>")
    if it.breaks:
        code += sum(map(times, _CODE_LINES))
        items = times(b"\n- ") + times(b"\n* ") + len(_NUMBERED.findall(it.short.data))
    return log1p(fences), log1p(code), log1p(items), log1p(signs.count(b"|"))


def _words(it: Sample) -> tuple[float, ...]:
    words, distinct = it.short.words, it.distinct
    n = max(len(words), 1)
    return (
        log1p(len(_ASKING & distinct)),
        log1p(len(_DENYING & distinct)),
        log1p(len(b"".join(words)) / n),
        len(distinct) / n,
        _foreign_share(it),
        _scripts(it.short),
    )


def _scripts(short: Passage) -> float:
    if not short.foreign:
        return float(any(map(bytes.isalpha, short.words)))
    found = filter(str.isalpha, set(short.text))
    return float(len({_SCRIPTS[bisect_right(_STARTS, ord(letter)) - 1] for letter in found}))


def _dialogue(it: Sample) -> tuple[float, ...]:
    turns = system = attached = 0
    for message in it.messages:
        content = message.get("content")
        if message.get("role") in ("system", "developer"):
            system += len(content_text(content))
        else:
            turns += 1
        if isinstance(content, list):
            attached += sum(not (isinstance(part, dict) and "text" in part) for part in content)
    needs = it.request.needs
    wishes = float("tools" in needs), float("json" in needs)
    return log1p(turns), log1p(system), log1p(attached), *wishes


GROUPS: Mapping[tuple[str, ...], Group] = {
    ("tokens", "characters", "lines", "longest_line", "last_line"): _size,
    ("digits", "upper_share", "maths", "question_marks", "commas", "quotes", "blanks"): _marks,
    ("code_fences", "code_marks", "list_marks", "table_marks"): _layout,
    (
        "question_words",
        "negations",
        "word_length",
        "diversity",
        "foreign_share",
        "scripts",
    ): _words,
    ("turns", "system_characters", "attachments", "wants_tools", "wants_json"): _dialogue,
}
"""Names of the numbers, and what computes them.

Sizes and counts are log1p of what was counted; of question words, negations and words of code
the different ones are counted. Shares and diversity lie in [0, 1].
"""
