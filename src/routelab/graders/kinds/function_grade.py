"""A function of yours grades the answer."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, ClassVar

from routelab.errors import GradingError
from routelab.graders.grader import Case, Grader
from routelab.graders.kinds.quality_scale import QualityScale

_ABANDONED = 8
"""Calls that did not end in time, after which the function is not called any more."""


class FunctionGrade(Grader, frozen=True, tag="function"):
    """A function of yours, called with `(answer, references, columns)`: text, tuple, mapping.

    It gives a number on the scale, or true or false. If it raises, gives anything else, or takes
    longer than `timeout_s`, the answer is not graded: that is no grade of 0. Nothing ends a
    function that hangs: after eight such calls it is not called again.

    Attributes:
        function: as MODULE:NAME, which is imported; name only code that you trust.
        scale: the worst and the best that it gives, as `1:5`.
        timeout_s: in (0, 600].
    """

    needs_reference: ClassVar[bool] = False

    function: str
    scale: str = "0:1"
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        module, colon, name = self.function.partition(":")
        if not (module and colon and name):
            raise GradingError(
                f"function: {self.function!r} is not MODULE:NAME, such as acme.grading:score"
            )
        if not 0 < self.timeout_s <= 600:
            raise GradingError(f"function: timeout_s is {self.timeout_s:g}; it lies in (0, 600]")
        QualityScale.of(self.scale)

    @property
    def name(self) -> str:
        return self.function.rpartition(":")[2]

    def ready(self) -> None:
        _imported(self.function)

    def grade(self, case: Case) -> float:
        called = _imported(self.function)
        value = _within(self.function, lambda: called(*case), self.timeout_s)
        if isinstance(value, bool):
            return float(value)
        if not isinstance(value, int | float) and not hasattr(value, "__float__"):
            raise GradingError(f"{self.function} gave a {type(value).__name__}, and no number")
        return QualityScale.of(self.scale).quality(float(value), self.function)


@lru_cache(maxsize=64)
def _imported(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    try:
        found = getattr(import_module(module), name)
    except Exception as error:
        raise GradingError(
            f"function: {function} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not callable(found):
        raise GradingError(f"function: {function} is a {type(found).__name__}, and no function")
    return found  # type: ignore[no-any-return]


_hanging: dict[str, int] = {}


def _within(function: str, call: Callable[[], Any], timeout_s: float) -> Any:
    """What a call gives; it is left to itself when its time is over."""
    if _hanging.get(function, 0) >= _ABANDONED:
        raise GradingError(f"{function} is not called any more: {_ABANDONED} calls did not end")
    found: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # noqa: BLE001  (told, whatever it is)
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failed:
        raise GradingError(f"{function}: {type(failed[0]).__name__}: {failed[0]!s:.200}")
    if not found:
        _hanging[function] = _hanging.get(function, 0) + 1
        raise GradingError(f"{function} gave no grade in {timeout_s:g} s")
    if isinstance(found[0], float) and math.isnan(found[0]):
        raise GradingError(f"{function} gave NaN")
    return found[0]
