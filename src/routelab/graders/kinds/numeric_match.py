"""The answer is a number near enough to the reference."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from routelab.errors import GradingError
from routelab.graders.grader import Grader, after_mark

_NUMBER = re.compile(
    r"""(?<![\w.])[-+\u2212]?\s?(?:[$\u20ac\u00a3]\s?)?
    (?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\.\d+|\d+)
    (?:[eE][-+]?\d{1,4})?(?:\s?/\s?\d+(?![\d.]))?\s?%?""",
    re.VERBOSE,
)
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_FRACTION = re.compile(r"\\d?frac\{(-?\d+)\}\{(\d+)\}")
_LONGEST = 20_000
"""Characters, the last ones, in which a number is looked for."""


class _Number(NamedTuple):
    value: float
    percent: bool


class NumericMatch(Grader, frozen=True, tag="numeric"):
    """The last number of the answer is that of the reference, within a tolerance.

    Commas between thousands, currencies, fractions, exponents and LaTeX's `\\boxed` and `\\frac`
    are read; of a boxed answer the box counts. `50%` equals `0.5` and `50`, where one of the two
    has a percent sign.

    Attributes:
        relative: tolerance as a share of the reference.
        absolute: tolerance in its unit; the larger of the two counts.
        after: only what follows the last such mark of the answer is looked at, such as `####`.
    """

    relative: float = 1e-6
    absolute: float = 0.0
    after: str = ""

    def __post_init__(self) -> None:
        for name in ("relative", "absolute"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise GradingError(f"numeric: {name} is {value}; a tolerance is 0 or more")

    def compare(self, answer: str, reference: str) -> float:
        right = _numbers(reference)
        if not right:
            raise GradingError(f"numeric: the reference {reference[:40]!r} is no number")
        said = _numbers(after_mark(answer, self.after)[-_LONGEST:])
        return float(bool(said) and self._near(said[-1], right[-1]))

    def _near(self, said: _Number, right: _Number) -> bool:
        ways = {said.value}
        if said.percent != right.percent:
            ways.add(said.value / 100 if said.percent else said.value * 100)
        return any(
            abs(way - right.value) <= max(self.absolute, self.relative * abs(right.value))
            for way in ways
        )


def _numbers(text: str) -> list[_Number]:
    if boxes := _BOXED.findall(_FRACTION.sub(r"\1/\2", text)):
        text = boxes[-1]
    text = _FRACTION.sub(r"\1/\2", text).replace("\\$", "$").replace("\\%", "%").replace("{,}", ",")
    return [it for it in map(_number, _NUMBER.findall(text)) if it is not None]


def _number(text: str) -> _Number | None:
    plain = re.sub(r"[\s,$\u20ac\u00a3%]", "", text).replace("\u2212", "-")
    above, _, below = plain.partition("/")
    try:
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return _Number(value, "%" in text) if math.isfinite(value) else None
