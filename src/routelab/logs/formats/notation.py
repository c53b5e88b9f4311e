"""One notation of numbers: which texts are numbers, in every format and every column.

A column is read as a whole, because a comma or a percent sign says what the others mean.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats

NO_VALUE = frozenset(
    [
        *("", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "nat", "null", "nil", "none"),
        *("missing", "undefined", "-", "--", "\N{EN DASH}", "\N{EM DASH}", "?", "."),
    ]
)
"""Texts, in lower case, that stand for no value."""
TRUTHS: Mapping[str, float] = {
    **dict.fromkeys(("true", "t", "yes", "y"), 1.0),
    **dict.fromkeys(("false", "f", "no", "n"), 0.0),
}
"""Words that are numbers in every column."""
GRADES: Mapping[str, float] = {
    **TRUTHS,
    **dict.fromkeys(("pass", "passed", "correct", "right", "success", "succeeded"), 1.0),
    **dict.fromkeys(("fail", "failed", "incorrect", "wrong", "failure"), 0.0),
}
"""Words that are numbers in a column of qualities."""

_LONGEST = 40
"""Characters of a text that is looked at closely: no number is longer."""
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_POINT = re.compile(rf"[+-]?(\d{{1,3}}(?:,\d{{3}})+\.\d*|\d{{1,3}}(?:,\d{{3}}){{2,}}){_EXPONENT}")
_COMMA = re.compile(
    rf"[+-]?(\d{{1,3}}(?:\.\d{{3}})+,\d*|\d{{1,3}}(?:\.\d{{3}}){{2,}}|\d*,\d+|\d+,){_EXPONENT}"
)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_SPACED = re.compile(rf"[+-]?\d{{1,3}}(?:[ ' ]\d{{3}})+(?:[.,]\d+)?{_EXPONENT}")
_DOLLARS = re.compile(r"([+-]?)\$\s*(.*)|(.*?)\s*(?:usd|\$)", re.IGNORECASE)


class Numerals(NamedTuple):
    """What texts (d,) say as numbers.

    Attributes:
        values: NaN where there is no value, or none that is a number.
        bad: whether a text is neither a number nor stands for no value.
        why: of a bad text that could be a number, what it clashes with and the way out.
    """

    values: Floats
    bad: Bools
    why: Mapping[str, str]


def numerals(
    texts: Sequence[str],
    words: Mapping[str, float] = TRUTHS,
    *,
    percent: float | None = 0.01,
    counts: bool = False,
) -> Numerals:
    """Read the distinct texts of a column as numbers.

    Plain numbers, words such as `true` and `no`, percent (`12%` is .12), USD, a decimal comma and
    groups of thousands are read. What can be meant in two ways is bad, and `why` says so.

    Args:
        texts: each once.
        words: in lower case, with their numbers.
        percent: what a percent sign multiplies by; None where no percent can be meant.
        counts: numbers are whole, so that `1,234` is a thousand and more.
    """
    values = np.full(len(texts), np.nan)
    bad = np.zeros(len(texts), dtype=np.bool_)
    signed: set[int] = set()  # with a percent sign
    plain: set[int] = set()  # without, and no word
    odd: dict[int, str] = {}  # with commas or several points
    for at, text in enumerate(texts):
        bare = text.strip()
        try:
            values[at] = float(bare)
            plain.add(at)
            if _EITHER.fullmatch(bare):
                odd[at] = bare
            continue
        except ValueError:
            pass
        if (known := bare.lower()) in NO_VALUE:
            continue
        if known in words:
            values[at] = words[known]
            continue
        if len(bare) > _LONGEST:
            bad[at] = True
            continue
        core = bare.removesuffix("%").rstrip()
        (signed if core != bare else plain).add(at)
        odd[at] = _undecorated(core)
    why = _separated(texts, values, bad, odd, counts)
    plain = {at for at in plain if not bad[at] and not np.isnan(values[at]) and values[at] != 0}
    signed = {at for at in signed if not bad[at]}
    if percent is None:
        bad[list(signed)] = True
        why |= {texts[at]: "a percent is none of these amounts: write it out" for at in signed}
    else:
        values[list(signed)] *= percent
    if percent not in (None, 1.0):
        why |= _with_and_without(texts, bad, plain, signed)
    values[bad] = np.nan
    return Numerals(values, bad, why)


def _undecorated(text: str) -> str:
    """Without a currency that is ours, spaces between thousands, and typographic minus signs."""
    text = text.replace("\N{MINUS SIGN}", "-")
    if found := _DOLLARS.fullmatch(text):
        text = f"{found[1]}{found[2]}" if found[3] is None else found[3]
    return re.sub("[ ' ]", "", text) if _SPACED.fullmatch(text) else text


def _separated(
    texts: Sequence[str], values: Floats, bad: Bools, odd: Mapping[int, str], counts: bool
) -> dict[str, str]:
    """Fill in the numbers of texts with separators; what is bad goes to `bad`."""
    commas = [at for at, text in odd.items() if _COMMA.fullmatch(text) and not _either(text)]
    pointed = [at for at, text in odd.items() if _POINT.fullmatch(text)]
    plain = [at for at in np.flatnonzero(~np.isnan(values)).tolist() if "." in texts[at]]
    pointed += [at for at in plain if at not in odd]
    open_ones = [at for at, text in odd.items() if _either(text)]
    for at in odd.keys() - {*commas, *pointed, *open_ones}:
        values[at] = _number(odd[at])
        bad[at] = np.isnan(values[at])
    for at in pointed:
        values[at] = _number(odd.get(at, texts[at].strip()).replace(",", ""))
    for at in commas:
        values[at] = _number(odd[at].replace(".", "").replace(",", "."))
    if commas and pointed:
        bad[commas] = True
        return {
            texts[at]: f"others have a decimal point, such as {texts[pointed[0]]!r}: write all"
            " numbers of the column with a decimal point"
            for at in commas
        }
    why = {}
    for at in open_ones:
        text = odd[at]
        if commas:
            values[at] = _number(text.replace(".", "").replace(",", "."))
        elif "," not in text or pointed or counts:
            values[at] = _number(text.replace(",", ""))
        else:
            bad[at] = True
            whole, point = text.replace(",", ""), text.replace(",", ".")
            why[texts[at]] = f"it may mean {whole} or {point}: write the one that is meant"
    return why


def _either(text: str) -> bool:
    """Whether the separator may be a decimal one or stand between thousands."""
    return _EITHER.fullmatch(text) is not None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _with_and_without(
    texts: Sequence[str], bad: Bools, plain: Collection[int], signed: Collection[int]
) -> dict[str, str]:
    """The fewer ones of numbers with and without a percent sign, where a column has both."""
    if not plain or not signed:
        return {}
    few, many = (plain, signed) if len(plain) < len(signed) else (signed, plain)
    bad[list(few)] = True
    sign = "a percent sign" if many is signed else "no percent sign"
    return {
        texts[at]: f"others have {sign}, such as {texts[min(many)]!r}: write all numbers of the"
        " column in one way"
        for at in few
    }
