"""How numbers and lists are written in sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from routelab.core.messages.lines import brief

UNSEEN = "not observed"


def number(value: float) -> str:
    """With four digits that count."""
    return f"{value:.4g}"


def known(value: float | None, form: str, unit: str = "", *, otherwise: str = UNSEEN) -> str:
    """A number in this form with its unit, or what is said where there is none: None or NaN.

    Args:
        value: the number; None and NaN are not known.
        form: of `format`, such as ".2f".
        unit: written after it, with its space.
        otherwise: what is said of a number that is not known.
    """
    return (
        otherwise if value is None or math.isnan(value) else f"{value:{_unsigned_zero(form)}}{unit}"
    )


def bracketed(ends: Sequence[float], form: str, scale: float = 1.0) -> str:
    """`[low, high]`, each end in this form and times this scale.

    Args:
        ends: low and high.
        form: of `format`, such as ".3f".
        scale: for example 100 for points.
    """
    low, high = ends
    form = _unsigned_zero(form)
    return f"[{scale * low:{form}}, {scale * high:{form}}]"


def with_interval(value: float, ends: Sequence[float], form: str, scale: float = 1.0) -> str:
    """`value [low, high]`, each number in this form and times this scale.

    Args:
        value: the estimate.
        ends: low and high of its interval.
        form: of `format`, such as ".3f".
        scale: for example 100 for points.
    """
    return f"{scale * value:{_unsigned_zero(form)}} {bracketed(ends, form, scale)}"


def _unsigned_zero(form: str) -> str:
    """The same form, in which what rounds to zero is no minus zero."""
    return form.replace("+.", "+z.")


def value_text(value: object) -> str:
    """A value that was given, in at most 80 characters, whatever it is."""
    try:
        return brief(value, 80)
    except Exception:  # noqa: BLE001  (whole numbers of thousands of digits, classes of others)
        return f"a {type(value).__name__}"


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that a float can hold, which True is not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def finite_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that a float can hold, and neither infinite nor NaN."""
    return is_number(value) and math.isfinite(value)


def foreign(text: str) -> str:
    """Words that are not the library's, for a sentence of the library: without backticks.

    Between backticks the library names its own arguments, which commands show as flags.
    """
    return text.replace("`", "'")


def counted(n: int, noun: str) -> str:
    """`1 request`, `2,000 requests`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def first(names: Sequence[str], most: int, between: str = ", ") -> str:
    """`a, b and 3 more`: at most so many of the names.

    Args:
        names: all of them.
        most: how many are told.
        between: what separates them.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{between.join(names[:most])}{more}"
