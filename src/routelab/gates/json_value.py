"""The answer must be JSON."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from routelab.core import Gate

_FENCED = r"(?is)\A\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*\Z"


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


def json_value(text: str, *, fenced: bool) -> Any:
    """The value of a JSON answer.

    Raises:
        ValueError: it is not JSON, or nested too deeply to read.
    """
    block = re.match(_FENCED, text) if fenced else None
    inner = block[1] if block else text
    try:
        return msgspec.json.decode(inner)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (msgspec.DecodeError, UnicodeError):
        return _strict(inner)


def _strict(text: str) -> Any:
    """Says where the mistake is, and takes the lone surrogates that UTF-8 cannot carry."""
    import json  # slow to import, and rarely needed

    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
