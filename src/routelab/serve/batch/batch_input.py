"""A batch file in OpenAI's format: a request on each line, with an id of its caller's.

Source: OpenAI, Batch API, the input file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from routelab.core.messages import value_text
from routelab.core.storage import lines_of, open_regular
from routelab.errors import ConfigError
from routelab.runtime import TooDeepError, decode_bounded, decode_json

URL = "/v1/chat/completions"
_DEEPEST = 102
"""Lists and objects of a line in each other: a request of the gateway's, in two objects."""

_TOLD = 20
"""Problems that are told of a file; more are counted."""


class BatchLine(NamedTuple):
    """A request of a file.

    Attributes:
        custom_id: by which its answer is found.
        body: of the request.
    """

    custom_id: str
    body: dict[str, Any]


class BatchInput:
    """The requests of a file, which is read line by line.

    Args:
        path: of the file.
    Raises:
        ConfigError: it cannot be read, or lines are malformed or share an id; names them, before
            anything is asked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        problems: list[str] = []
        more = 0
        try:
            for number, place, problem, custom_id in self._scan():
                if problem:
                    more += len(problems) >= _TOLD
                    if len(problems) < _TOLD:
                        problems.append(f"{path.name}: line {number}: {problem}")
                else:
                    self._places[custom_id] = place
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        if not self._places and not problems:
            problems.append(f"{path.name}: has no requests")
        if more:
            problems.append(f"{path.name}: and {more} lines more")
        if problems:
            raise ConfigError(*problems)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, custom_id: object) -> bool:
        return custom_id in self._places

    def lines(self, without: set[str]) -> Iterator[BatchLine]:
        """The requests in order.

        Args:
            without: ids of those to leave out.
        Raises:
            ConfigError: the file is not what it was, so that a line may be another request's.
        """
        with open_regular(self.path) as file:
            for custom_id, place in self._places.items():
                if custom_id not in without:
                    file.seek(place)
                    yield self._line(custom_id, file.readline())

    def _line(self, custom_id: str, line: bytes) -> BatchLine:
        problem, found = _checked(line)
        if problem or found != custom_id:
            raise ConfigError(
                f"{self.path} was written to meanwhile, and request {custom_id!r} is not where it"
                " was (put another file in its place instead)"
            )
        return BatchLine(custom_id, decode_json(line)["body"])

    def _scan(self) -> Iterator[tuple[int, int, str, str]]:
        """Number, place, problem and id of each line that is not empty."""
        place, seen = 0, dict[str, int]()
        with open_regular(self.path) as file:
            for number, line in enumerate(lines_of(file), 1):
                if line.strip():
                    problem, custom_id = _checked(line)
                    if not problem and seen.setdefault(custom_id, number) != number:
                        problem = f"custom_id {custom_id!r} is that of line {seen[custom_id]} too"
                    yield number, place, problem, custom_id
                place += len(line)


def _checked(line: bytes) -> tuple[str, str]:
    """What is wrong with a line, and its id."""
    try:
        found = decode_bounded(line, _DEEPEST)
    except TooDeepError as error:
        return f"is {error}: flatten it", ""
    except ValueError as error:
        return f"is no JSON: {error}", ""
    if not isinstance(found, dict):
        return "is no object", ""
    custom_id = found.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return f"custom_id={value_text(custom_id)}: write a text, another one on each line", ""
    for name, wanted in (("method", "POST"), ("url", URL)):
        if (value := found.get(name, wanted)) != wanted:
            return f"{name}={value_text(value)}: {wanted} is what can be asked here", custom_id
    body = found.get("body")
    if not isinstance(body, dict):
        return f"body={value_text(body)}: write the body of the request, an object", custom_id
    if body.get("stream"):
        return "body.stream: a batch has no streams; leave it out", custom_id
    return "", custom_id
