"""The numbers that a prompt is described by."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import log1p
from typing import Any

from routelab.core import Request
from routelab.core.conversation import ATTACHED, content_text
from routelab.signals.features import words
from routelab.signals.features.passage import Passage, passage
from routelab.signals.features.text import capped, messages_of, text_of

NAMES: tuple[str, ...] = (
    *("tokens", "characters", "lines", "longest_line", "last_line"),
    *("digits", "upper_share", "maths", "question_marks", "commas", "quotes", "blanks"),
    *("code_fences", "code_marks", "list_marks", "table_marks"),
    *("question_words", "negations", "word_length", "diversity", "foreign_share", "scripts"),
    *("turns", "system_characters", "attachments", "wants_tools", "wants_json"),
)
"""Sizes and counts are log1p of what was counted; of question words, negations and words of code
the different ones are counted. Shares and diversity lie in [0, 1].
"""


_PLAIN = bytes([32, *range(97, 123), *range(128, 256)])
_ASKING, _, _ = words.read(b"what why how who whom whose which when where explain prove")
_DENYING, _, _ = words.read(b"not no never none neither nor except without least")
_DIGITS, _UPPER, _SIGNS = b"0123456789", bytes(range(65, 91)), b"=+*/^<>\\%$~"
_CODE_WORDS, _, _ = words.read(b"def import include return const void elif printf println")
_CODE_LINES = (b";\n", b"{\n", b"}\n", b"):\n", b"\n\t", b"\n    ")

_NUMBERED = re.compile(rb"\n *[0-9]+[.)] ")
_MATHS = (
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


# Long: one straight line, since a call more costs what three counts do: about 0.1 of 3 to 11 us.
def counted(request: Request, cap: int) -> tuple[float, ...]:
    """The numbers of a request, as in `NAMES`; about `cap` characters are looked at.

    Raises:
        PolicyError: the request has no messages.
    """
    text = text_of(request)
    short = passage(capped(text, cap))
    part, data, foreign, codes, n_words, letters, _ = short
    signs = data.translate(None, _PLAIN)  # little is left to search
    n, times = len(signs), signs.count
    digits = n - len(signs.translate(None, _DIGITS))
    upper = n - len(signs.translate(None, _UPPER))
    maths = n - len(signs.translate(None, _SIGNS))
    foreign_share = 0.0
    if foreign:
        foreign_share = len(foreign) / len(part)
        maths += len(re.findall(_MATHS, foreign))
    broken = times(b"\n") - 2  # there is one before and one after
    breaks = broken if part is text else text.count("\n")
    longest = last = len(part)
    fences = items = 0
    distinct, asking, denying, code = words.census(codes, _ASKING, _DENYING, _CODE_WORDS)
    if b"`" in signs:
        fences = data.count(b"```")
    if b"<" in signs or b"=" in signs:
        code += data.count(b"</") + data.count(b"==") + data.count(b"=>")
    if broken:
        lines = [*map(len, part.split("\n"))]
        longest, last = max(lines), lines[-1]
        code += sum(map(data.count, _CODE_LINES))
        items = data.count(b"\n- ") + data.count(b"\n* ") + len(_NUMBERED.findall(data))
    turns, system, attached = _dialogue(messages_of(request))
    return (
        log1p(len(text) * (0.25 + 0.5 * foreign_share)),  # 4 ASCII characters to a token
        log1p(len(text)),
        log1p(breaks),
        log1p(longest),
        log1p(last),
        log1p(digits),
        upper / len(data),
        log1p(maths),
        log1p(times(b"?")),
        log1p(times(b",")),
        log1p(times(b'"') + times(b"'")),
        log1p(times(b"_")),
        log1p(fences),
        log1p(code),
        log1p(items),
        log1p(times(b"|")),
        log1p(asking),
        log1p(denying),
        log1p(letters / (n_words or 1)),
        distinct / (n_words or 1),
        foreign_share,
        _scripts(short),
        log1p(turns),
        log1p(system),
        log1p(attached),
        1.0 if "tools" in request.needs else 0.0,
        1.0 if "json" in request.needs else 0.0,
    )


def _scripts(short: Passage) -> float:
    if not short.foreign:
        return 1.0 if short.lettered else 0.0
    found = filter(str.isalpha, set(short.text))
    return float(len({_SCRIPTS[bisect_right(_STARTS, ord(letter)) - 1] for letter in found}))


def _dialogue(messages: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Turns, characters of instructions, and parts that are no text."""
    turns = system = attached = 0
    for message in messages:
        content = message.get("content")
        if message.get("role") in ("system", "developer"):
            system += len(content_text(content))
        else:
            turns += 1
        if isinstance(content, list):
            attached += sum(map(_attached, content))
    return turns, system, attached


def _attached(part: object) -> bool:
    return not isinstance(part, dict) or "text" not in part or part.get("type") == ATTACHED
