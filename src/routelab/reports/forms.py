"""Numbers and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from routelab.core.messages import wording

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"


def quality(value: float | None) -> str:
    """A quality in [0, 1]."""
    return NOTHING if missing(value) else minus(f"{value:.3f}")


def points(value: float | None) -> str:
    """A difference in quality, in points of 1/100, with its sign."""
    if value is None or missing(value):
        return NOTHING
    text = f"{100 * value:+z.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else minus(text)


def usd(value: float | None, *, signed: bool = False) -> str:
    """A cost with three digits that count, never with an exponent."""
    if value is None or missing(value):
        return NOTHING
    size = abs(value)
    if size < 1e-9:
        return "0"
    digits = min(9, max(0, 2 - math.floor(math.log10(size))))
    return minus(f"{value:{'+' if signed else ''},.{digits}f}")


def usd_change(value: float | None) -> str:
    """A difference in cost, with its sign."""
    return usd(value, signed=True)


def whole_share(value: float | None) -> str:
    """A share or a change in whole per cent."""
    return NOTHING if missing(value) else minus(f"{100 * (value or 0):.0f}%")


def share(value: float | None) -> str:
    """A share of requests, in per cent."""
    return NOTHING if missing(value) else f"{100 * (value or 0):.1f}%"


def seconds(value: float | None) -> str:
    """A latency; one that was not observed says so."""
    if value is None or missing(value):
        return wording.UNSEEN
    return f"{value:.2f} s" if value < 100 else f"{value:,.0f} s"


def plain(value: float | None) -> str:
    """A threshold or another number without a unit."""
    return NOTHING if missing(value) else minus(f"{value:.4g}")


def count(value: int) -> str:
    """A number of things."""
    return f"{value:,}"


def interval(form: Callable[[float], str], ends: tuple[float, float]) -> str:
    """An interval, its ends in the form of its value."""
    low, high = ends
    return NOTHING if missing(low) or missing(high) else f"{form(low)} to {form(high)}"


def short(text: str, limit: int = 26) -> str:
    """A name on one line; a long one loses its middle, where names differ least."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= limit:
        return line
    head = math.ceil((limit - 1) * 0.55)
    return f"{line[:head]}…{line[len(line) - (limit - 1 - head) :]}"


def clipped(text: str, limit: int) -> str:
    """A sentence on one line; a long one loses its end, after a whole word."""
    line = short(text, len(text))
    if len(line) <= limit:
        return line
    return f"{line[:limit].rpartition(' ')[0] or line[: limit - 1]} …"


def names(all_of: Sequence[str]) -> str:
    """Names in a sentence, "none" if there are none."""
    return wording.listed([short(name, 40) for name in all_of]) or "none"


def missing(value: float | None) -> bool:
    """Whether there is no number."""
    return value is None or not math.isfinite(value)


def minus(text: str) -> str:
    """A number with a minus sign instead of a hyphen."""
    return text.replace("-", MINUS)
