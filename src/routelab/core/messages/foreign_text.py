"""Text of files and answers, as people may be shown it."""

from __future__ import annotations

import re
from html import escape

_LONGEST = 80
"""Characters of a name that are shown."""

_MARKS = re.compile(r"[\\`*|]|~(?=~)|(?<![^\W_])_|_(?![^\W_])|^#|^[+-](?=[\s-]|$)|^\[(?=[ xX]\])")
"""What Markdown may read as markup, and HTML does not; a line inside a word is none."""

_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")

_LINKS = re.compile(r"\](?=[(\[:])|\[\^")
"""Of brackets what makes links and footnotes of them; others are read as they are."""


def shown(text: str, longest: int = _LONGEST) -> str:
    """A name, for people: short, and with what is not seen escaped.

    Args:
        text: of a file.
        longest: characters that are kept.
    """
    short = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in short)


def markdown_text(text: str) -> str:
    """Text in which Markdown and HTML find nothing to read as markup, on one line.

    Args:
        text: of whatever origin.
    """
    line = _MARKS.sub(r"\\\g<0>", " ".join(text.split()))
    line = _NUMBERED.sub(r"\1\\\2", line)
    return escape(_LINKS.sub(lambda it: f"\\{it[0]}", line), quote=False)


def markdown_code(text: str) -> str:
    """Text as code of Markdown on one line, whatever marks it holds.

    Args:
        text: of whatever origin.
    """
    line = " ".join(text.split())
    fence = "`"
    while fence in line:
        fence += "`"
    space = " " if fence != "`" else ""
    return f"{fence}{space}{line}{space}{fence}"
