"""The numbers that a prompt is described by, in groups that are computed together."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from math import log1p
from typing import TypeAlias

from routelab.signals.answer_text import content_text
from routelab.signals.features.sample import Sample

Group: TypeAlias = Callable[[Sample], tuple[float, ...]]

_ASKING = frozenset(b"what why how who whom whose which when where explain prove".split())
_DENYING = frozenset(b"not no never none neither nor except without least".split())
_DIGITS, _UPPER, _SIGNS = b"0123456789", bytes(range(65, 91)), b"=+*/^<>\\%$~"
_CODE_WORDS = frozenset(b"def import include return const void elif printf println".split())
_CODE_LINES = (b";\n", b"{\n", b"}\n", b"):\n", b"\n\t", b"\n    ")
_CODE_SIGNS = ((b"<", b"</"), (b"=", b"=="), (b"=", b"=>"))
"""Each after a byte that tells at less cost that it is not there."""

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
    return log1p(characters * per_token), log1p(characters)


def _foreign_share(it: Sample) -> float:
    return len(it.short.foreign) / len(it.short.text) if it.short.foreign else 0.0


def _lines(it: Sample) -> tuple[float, ...]:
    lengths = list(map(len, it.short.text.split("\n")))
    return log1p(it.breaks), log1p(max(lengths)), log1p(lengths[-1])


def _marks(it: Sample) -> tuple[float, ...]:
    data = it.short.data
    maths = it.among(_SIGNS)
    if it.short.foreign:
        maths += len(_MATHS.findall(it.short.foreign))
    return (
        log1p(it.among(_DIGITS)),
        it.among(_UPPER) / len(data),
        log1p(maths),
        log1p(data.count(b"?")),
        log1p(data.count(b",")),
        log1p(data.count(b'"') + data.count(b"'")),
        log1p(data.count(b"_")),
    )


def _code(it: Sample) -> tuple[float, ...]:
    data = it.short.data
    fences = data.count(b"```") if b"`" in data else 0
    marks = [data.count(sign) for byte, sign in _CODE_SIGNS if byte in data]
    if it.breaks:
        marks += map(data.count, _CODE_LINES)
    return log1p(fences), log1p(sum(marks) + len(_CODE_WORDS & it.distinct))


def _layout(it: Sample) -> tuple[float, ...]:
    data, marks = it.short.data, 0
    if it.breaks:
        marks = data.count(b"\n- ") + data.count(b"\n* ") + len(_NUMBERED.findall(data))
    return log1p(marks), log1p(data.count(b"|"))


def _words(it: Sample) -> tuple[float, ...]:
    words, distinct = it.short.words, it.distinct
    if not words:
        return 0.0, 0.0, 0.0, 0.0
    return (
        log1p(len(_ASKING & distinct)),
        log1p(len(_DENYING & distinct)),
        log1p(len(b"".join(words)) / len(words)),
        len(distinct) / len(words),
    )


def _scripts(it: Sample) -> tuple[float, ...]:
    if not it.short.foreign:
        return 0.0, float(any(map(bytes.isalpha, it.distinct)))
    found = filter(str.isalpha, set(it.short.text))
    scripts = {_SCRIPTS[bisect_right(_STARTS, ord(letter)) - 1] for letter in found}
    return _foreign_share(it), float(len(scripts))


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
    return log1p(turns), log1p(system), log1p(attached)


def _wishes(it: Sample) -> tuple[float, ...]:
    needs = it.request.needs
    return float("tools" in needs), float("json" in needs)


GROUPS: Mapping[tuple[str, ...], Group] = {
    ("tokens", "characters"): _size,
    ("lines", "longest_line", "last_line"): _lines,
    ("digits", "upper_share", "maths", "question_marks", "commas", "quotes", "blanks"): _marks,
    ("code_fences", "code_marks"): _code,
    ("list_marks", "table_marks"): _layout,
    ("question_words", "negations", "word_length", "diversity"): _words,
    ("foreign_share", "scripts"): _scripts,
    ("turns", "system_characters", "attachments"): _dialogue,
    ("wants_tools", "wants_json"): _wishes,
}
"""Names of the numbers, and what computes them.

Sizes and counts are log1p of what was counted; of question words, negations and words of code
the different ones are counted. Shares and diversity lie in [0, 1].
"""
