"""The answer must be JSON."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from routelab.core import Gate

_OPENS = re.compile(r"\s*```(?:json)?[ \t]*\n", re.IGNORECASE)


class Json(Gate, frozen=True, tag="json"):
    """The whole answer is one JSON value.

    Attributes:
        fenced: a Markdown code block around it is let pass.
    """

    fenced: bool = True

    def problem(self, text: str) -> str | None:
        try:
            json_value(text, fenced=self.fenced)
        except ValueError as error:
            return f"the answer is not JSON: {error}"
        return None

    def effort(self, text: str) -> float:
        return float(len(text))


def json_value(text: str, *, fenced: bool) -> Any:
    """The value of a JSON answer.

    Raises:
        ValueError: it is not JSON, nested too deeply to read, or has a number too large to hold.
    """
    inner = _unfenced(text) if fenced else text
    try:
        return msgspec.json.decode(inner)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (msgspec.DecodeError, UnicodeError):
        return _strict(inner)


def _unfenced(text: str) -> str:
    """What is in the code block that a text is; else the text."""
    opens = _OPENS.match(text)
    rest = text[opens.end() :].rstrip() if opens else ""
    return rest[:-3].removesuffix("\n") if rest.endswith("```") else text


def _strict(text: str) -> Any:
    """Says where the mistake is, and takes the lone surrogates that UTF-8 cannot carry."""
    import json  # slow to import, and rarely needed

    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:40]} is too large")
    return value
