"""Small tables for notebooks, built without any package; whatever they are given is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_LONGEST = 120
"""Characters of a cell, at most: a name of any length leaves the table readable."""
_MOST = 24
"""Rows, at most."""

_CELL = "text-align:{side};padding:.15em .8em .15em 0;overflow-wrap:anywhere"


def html_table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    words: Sequence[int] = (0,),
    notes: Sequence[str] = (),
) -> str:
    """A table as HTML.

    Args:
        rows: cells as text; more than two dozen are cut, and the table says so.
        words: columns that hold words; the others hold numbers and are set to the right.
        notes: sentences under the table.
    """
    listed = list(rows)
    left_out = len(listed) - _MOST
    lines = [*notes, *([f"and {left_out:,} more"] if left_out > 0 else [])]
    body = "".join(_row("td", row, words) for row in listed[:_MOST])
    return (
        f"<table><caption style='text-align:left;font-weight:bold'>{_text(caption)}</caption>"
        f"<thead>{_row('th', heads, words)}</thead><tbody>{body}</tbody></table>"
        + "".join(f"<div>{_text(note, limit=400)}</div>" for note in lines)
    )


def html_fields(caption: str, data: Mapping[str, Any]) -> str:
    """Plain data as a table of two columns, an object inside another as `outer.inner`."""
    return html_table(caption, ("field", "value"), _flat(data), words=(0, 1))


def _flat(data: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", _text_of(value)


def _text_of(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text_of, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _row(tag: str, cells: Sequence[str], words: Sequence[int]) -> str:
    styles = (_CELL.format(side="left" if i in words else "right") for i in range(len(cells)))
    inside = (
        f"<{tag} style='{style}'>{_text(cell)}</{tag}>"
        for style, cell in zip(styles, cells, strict=True)
    )
    return f"<tr>{''.join(inside)}</tr>"


def _text(text: str, limit: int = _LONGEST) -> str:
    from html import escape  # slow to import, and routers draw no tables

    return escape(text if len(text) <= limit else f"{text[: limit - 1]}…")
