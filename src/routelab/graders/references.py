"""Right answers as files have them: under which names, and as which values."""

from __future__ import annotations

from typing import Any

REFERENCE_COLUMNS = (
    "reference", "references", "reference_answer", "gold", "gold_answer", "expected",
    "expected_output", "ideal", "ground_truth", "correct_answer",
)  # fmt: skip
"""Names under which a column of right answers is found, the likeliest first."""


def references_of(value: Any) -> tuple[str, ...]:
    """Right answers of a row; none of a cell that is empty, as a table writes what it has not.

    Args:
        value: a text, a number, or a list of them; an empty text in a list is an answer.
    """
    several = value if isinstance(value, list) else [] if value == "" else [value]
    return tuple(cell_text(it) for it in several if it is not None and it == it)


def cell_text(value: Any) -> str:
    """A value of a row as a text; whole numbers without the point that a table of floats adds."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return "" if value is None else str(value)
