"""Where responses say what they used, and in which dialect: brought to that of chat completions.

A dialect is known by a field that no other has. Each converter gives a new object with the fields
of chat completions, where the prompt includes what was cached and the completion what was thought.

Sources: the providers' references of their APIs: Google's GenerateContentResponse, Amazon's
Converse, Cohere's Chat v2, Ollama's /api/chat; Groq's `x_groq`, Moonshot's usage in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from routelab.signals import number

Usage = Mapping[str, Any]

_BESIDE = ("x_groq", "message", "response")
"""Objects beside the usual place that hold a `usage` of their own."""

_OTHER_NAMES = ("usageMetadata", "usage_metadata")

USAGE_FIELDS = frozenset(("usage", *_BESIDE, *_OTHER_NAMES, "prompt_eval_count"))
"""Fields of a response, or of a piece of one, in which usage may stand."""


def places_of(body: Mapping[str, Any]) -> Iterator[Usage]:
    """Whatever a response, or a piece of one, says that it used, wherever that stands.

    Args:
        body: the response, or a piece of a stream.
    """
    if isinstance(usage := body.get("usage"), dict):
        yield usage
    for name in _OTHER_NAMES:
        if isinstance(usage := body.get(name), dict):
            yield usage
    for name in _BESIDE:
        beside = body.get(name)
        if isinstance(beside, dict) and isinstance(usage := beside.get("usage"), dict):
            yield usage
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and isinstance(usage := choice.get("usage"), dict):
            yield usage
    if "prompt_eval_count" in body:
        yield {name: body[name] for name in ("prompt_eval_count", "eval_count") if name in body}


def usage_of(body: Mapping[str, Any] | None) -> Usage | None:
    """What a whole response says that it used; None if it says nothing.

    Args:
        body: of the response.
    """
    if body is None:
        return None
    usage = body.get("usage")
    if isinstance(usage, dict) and (usage.get("prompt_tokens") or usage.get("input_tokens")):
        return usage  # what nearly all say
    found: dict[str, Any] = {}
    for place in places_of(body):
        merge_usage(found, place)
    return found or (usage if isinstance(usage, dict) else None)


def merge_usage(into: dict[str, Any], newer: Usage) -> None:
    """Lay what a later piece says over what earlier ones said; nothing and zero overwrite nothing.

    Args:
        into: is changed.
        newer: what the later piece says.
    """
    for name, value in newer.items():
        known = into.get(name)
        if isinstance(value, dict):
            into[name] = dict(known) if isinstance(known, dict) else {}
            merge_usage(into[name], value)
        elif value or known is None:
            into[name] = value


class Dialect(NamedTuple):
    """A way to say what was used.

    Attributes:
        name: for people.
        known_by: fields of which it has one, and no other dialect has.
        converted: to the fields of chat completions.
    """

    name: str
    known_by: tuple[str, ...]
    converted: Callable[[Usage], dict[str, Any]]


def _gemini(usage: Usage) -> dict[str, Any]:
    """Thoughts and the prompts of tools are counted beside the candidates and the prompt."""
    thoughts = _of(usage, "thoughtsTokenCount", "thoughts_token_count")
    prompt = _of(usage, "promptTokenCount", "prompt_token_count")
    answer = _of(usage, "candidatesTokenCount", "candidates_token_count")
    tools = _of(usage, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    cached = _of(usage, "cachedContentTokenCount", "cached_content_token_count")
    total = _of(usage, "totalTokenCount", "total_token_count")
    return _chat(
        prompt=_sum(prompt, tools),
        completion=_sum(answer, thoughts) if answer is not None or thoughts is not None else None,
        cached=cached,
        reasoning=thoughts,
        total=total,
    )


def _converse(usage: Usage) -> dict[str, Any]:
    """Input tokens leave out those of the cache."""
    read, written = usage.get("cacheReadInputTokens"), usage.get("cacheWriteInputTokens")
    return _chat(
        prompt=_sum(usage.get("inputTokens"), read, written),
        completion=usage.get("outputTokens"),
        cached=read,
        written=written,
    )


def _cohere(usage: Usage) -> dict[str, Any]:
    """`billed_units` are what is paid for; `tokens` count what the provider adds too."""
    counted = usage.get("billed_units") or usage.get("tokens")
    counted = counted if isinstance(counted, dict) else {}
    return _chat(
        prompt=counted.get("input_tokens"),
        completion=counted.get("output_tokens"),
        cached=usage.get("cached_tokens"),
    )


def _ollama(usage: Usage) -> dict[str, Any]:
    return _chat(prompt=usage.get("prompt_eval_count"), completion=usage.get("eval_count"))


DIALECTS = (
    Dialect(
        "Gemini",
        ("promptTokenCount", "prompt_token_count", "totalTokenCount", "total_token_count"),
        _gemini,
    ),
    Dialect("Converse", ("inputTokens", "outputTokens"), _converse),
    Dialect("Cohere", ("billed_units",), _cohere),
    Dialect("Ollama", ("prompt_eval_count", "eval_count"), _ollama),
)
"""Those besides chat completions, responses and Anthropic's messages, which share their names."""

_FOREIGN = frozenset(field for dialect in DIALECTS for field in dialect.known_by)


def as_chat(usage: Usage) -> Usage:
    """Usage of a foreign dialect with the fields of chat completions; any other as it is.

    Args:
        usage: as a response has it.
    """
    if _FOREIGN.isdisjoint(usage):
        return usage
    return next(it.converted(usage) for it in DIALECTS if not usage.keys().isdisjoint(it.known_by))


def _chat(
    *,
    prompt: object,
    completion: object,
    cached: object = None,
    written: object = None,
    reasoning: object = None,
    total: object = None,
) -> dict[str, Any]:
    found = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return {name: value for name, value in found.items() if value is not None}


def _of(usage: Usage, *names: str) -> Any:
    return next((usage[name] for name in names if usage.get(name) is not None), None)


def _sum(first: object, *others: object) -> object:
    """Numbers together; of none, and of what is no number, what the first one is."""
    known = [number(it) for it in (first, *others)]
    if known[0] is None and first is not None:
        return first
    there = [it for it in known if it is not None]
    return sum(there) if there else None
