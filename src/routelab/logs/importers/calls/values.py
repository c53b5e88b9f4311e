"""Values of records as a log has them: numbers, moments, texts, tokens by one rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypedDict

import msgspec

Fields: TypeAlias = Mapping[str, Any]
"""A decoded record, or an object in one."""

_NOTHING: Fields = {}
_SECONDS_TO = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""Beyond so much a moment is in units of which a second has so many."""
_MOST_SECONDS = _SECONDS_TO[-1][0]


def number(value: object) -> float | None:
    """A finite number, also one that is written as text; None for anything else."""
    if value is None:
        return None
    if type(value) is int or type(value) is float:
        return float(value) if -_MOST < value < _MOST else None
    if isinstance(value, str) and value:
        try:
            found = float(value)
        except ValueError:
            return None
        return found if math.isfinite(found) else None
    return None


_MOST = 1e300


def amount(value: object) -> float | None:
    """A number that is not negative; None for anything else."""
    if type(value) is int or type(value) is float:
        return float(value) if 0.0 <= value < _MOST else None
    found = number(value)
    return found if found is not None and found >= 0.0 else None


def text(value: object) -> str:
    """A text; empty for anything else, None above all."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def fields(value: object) -> Fields:
    """An object, also one that is written as JSON text; empty for anything else."""
    if type(value) is dict:
        return value
    if (
        value is None
    ):  # asking whether it is a mapping takes long, and most of what is asked is none
        return _NOTHING
    if isinstance(value, str):
        found = parsed(value) if value[:1] == "{" else None
        return found if type(found) is dict else _NOTHING
    return value if isinstance(value, Mapping) else _NOTHING


def first(found: Fields, *names: str) -> Any:
    """The first of several fields that says anything: a text that is empty, and none, do not."""
    for name in names:
        value = found.get(name)
        if value is not None and value != "":
            return value
    return None


def propensity_in(*places: Fields) -> float | None:
    """The probability with which a call was chosen, where its maker wrote it down.

    Args:
        places: what a program keeps of its user's own, such as tags; one may hold
            `routelab.propensity`, or `Routelab-Propensity` where names are those of headers.
    """
    for place in places:
        found = number(first(place, "routelab.propensity", "Routelab-Propensity"))
        if found is not None and 0.0 < found <= 1.0:
            return found
    return None


def parsed(value: object) -> Any:
    """A value, that of JSON text where it is one."""
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value


def moment_s(value: object) -> float | None:
    """Unix seconds of a moment: a number in seconds to nanoseconds, or ISO 8601, UTC by default."""
    if isinstance(value, str) and value[4:5] == "-":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    found = number(value)
    if found is None:
        return None
    if -_MOST_SECONDS <= found <= _MOST_SECONDS:
        return found
    return next(found / units for beyond, units in _SECONDS_TO if abs(found) > beyond)


def between_s(start: float | None, end: float | None) -> float | None:
    """Seconds from one moment to another; below zero where a clock ran backwards."""
    return None if start is None or end is None else end - start


def content_of(message: object) -> str | None:
    """The text of a message, or of its parts; None if it has none."""
    if isinstance(message, str):
        return message
    if not isinstance(message, Mapping):
        return None
    content = message.get("content", message.get("text"))
    if isinstance(content, list):
        texts = [it if isinstance(it, str) else content_of(it) for it in content]
        return "".join(it for it in texts if it) or None
    return content if isinstance(content, str) else None


def answer_of(body: object) -> str | None:
    """The text of a completion's first choice, of a response's output, or of a message."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return content_of(body[-1]) if body else None
    if not isinstance(body, Mapping):
        return None
    choices = body.get("choices")
    if isinstance(choices, list) and choices:
        first = choices[0]
        if isinstance(first, Mapping):
            return content_of(first.get("message", first))
    output = body.get("output")
    if isinstance(output, list):
        texts = [content_of(it) for it in output if fields(it).get("type", "message") == "message"]
        return "".join(it for it in texts if it) or None
    return content_of(body)


class TokenCounts(TypedDict):
    """Tokens by the names that a log has for them.

    Attributes:
        prompt_tokens: with those that a cache held or took.
        completion_tokens: with those thought.
        cached_tokens, cache_write_tokens, cache_write_1h_tokens: of the prompt's.
        reasoning_tokens: of the completion's.
    """

    prompt_tokens: float | None
    completion_tokens: float | None
    cached_tokens: float | None
    cache_write_tokens: float | None
    cache_write_1h_tokens: float | None
    reasoning_tokens: float | None


def tokens_within(usage: Fields, sums: Fields = _NOTHING) -> TokenCounts:
    """Tokens in OpenAI's names, where those of a cache are part of the prompt's.

    Args:
        usage: of chat completions or of responses.
        sums: where the prompt's and the completion's stand, if those are not to be the usage's.
    """
    of_prompt = fields(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    of_answer = fields(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    cached = of_prompt.get("cached_tokens")
    written = first(of_prompt, "cache_write_tokens", "cache_creation_tokens")
    return counted(
        sums.get("prompt_tokens") or first(usage, "prompt_tokens", "input_tokens"),
        sums.get("completion_tokens") or first(usage, "completion_tokens", "output_tokens"),
        usage.get("cache_read_input_tokens") if cached is None else cached,
        usage.get("cache_creation_input_tokens") if written is None else written,
        reasoning=of_answer.get("reasoning_tokens"),
    )


def counted(
    prompt: object,
    completion: object,
    cached: object = None,
    written: object = None,
    written_1h: object = None,
    reasoning: object = None,
    *,
    beside: bool = False,
) -> TokenCounts:
    """Tokens as a log has them: those of caches are part of the prompt's.

    Args:
        beside: the prompt's leave out those that a cache held or took, as with Anthropic.
    """
    whole, answer = amount(prompt), amount(completion)
    read, took, took_1h = amount(cached), amount(written), amount(written_1h)
    in_cache, thought = (read or 0.0) + (took or 0.0), amount(reasoning)
    if whole is not None and (beside or in_cache > whole):  # more than its whole is beside it
        whole += in_cache
    if answer is not None and thought is not None and thought > answer:
        answer += thought
    return {
        "prompt_tokens": whole,
        "completion_tokens": answer,
        "cached_tokens": _part(read, whole),
        "cache_write_tokens": _part(took, whole),
        "cache_write_1h_tokens": _part(took_1h, took),
        "reasoning_tokens": _part(thought, answer),
    }


def _part(part: float | None, whole: float | None) -> float | None:
    """A part of what is known."""
    return part if part and whole is not None and part <= whole else None
