"""Where responses say what they used, and in which dialect: brought to that of chat completions.

A dialect is known by a field that no other has. Each converter gives a new object with the fields
of chat completions, where the prompt includes what was cached and the completion what was thought.

Sources: the providers' references of their APIs: Google's GenerateContentResponse, Amazon's
Converse, Cohere's Chat v2, Ollama's /api/chat; Groq's `x_groq`, Moonshot's usage in the choice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from routelab.signals import number

Usage = Mapping[str, Any]

_MOST = 10**8
"""Tokens beyond which a number is a mistake, and as good as none: no window is as long."""

_FEW, _FIELDS, _CHOICES = 100, 200, 1_024
"""Objects, their fields and choices that are looked at; no answer says what it used in more."""

_LONGEST = 100
"""Characters of a numeral."""

_NUMERAL = re.compile(r"\s*[0-9]{1,15}(?:\.[0-9]*)?\s*")

_NAMES = ("token_usage", "tokenUsage", "usage_metadata", "usageMetadata", "usage")
"""Of objects that say what was used, the one to trust most last."""

_BLOCKS = ("timings", "amazon-bedrock-invocationMetrics")
"""Objects of other names, of which a dialect is known by its fields."""

_BESIDE = ("x_groq", "message", "response", "data", "meta", "metadata", "result")
"""Objects beside the usual place that hold one of those."""

_FLAT = frozenset(("prompt_eval_count", "eval_count", "tokens_evaluated", "tokens_predicted"))
"""Fields that stand in the response itself."""

USAGE_FIELDS = frozenset((*_NAMES, *_BLOCKS, *_BESIDE, *_FLAT))
"""Fields of a response, or of a piece of one, in which usage may stand."""

_SAME = (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
"""Two names for the same."""


def amount(value: object, most: float = _MOST) -> float:
    """A number that is not negative and can be, also as a numeral; NaN for anything else.

    Args:
        value: as a response has it.
        most: it can be.
    """
    if type(value) is int and 0 <= value < most:  # what nearly all are
        return float(value)
    if isinstance(value, str) and len(value) <= _LONGEST and _NUMERAL.fullmatch(value):
        value = float(value)
    known = None if isinstance(value, bool) else number(value)
    return known if known is not None and 0.0 <= known < most else math.nan


def places_of(body: Mapping[str, Any]) -> Iterator[Usage]:
    """What a response, or a piece of one, says of all its choices, the most trusted last.

    Args:
        body: the response, or a piece of a stream.
    """
    for name in _BESIDE:
        beside = body.get(name)
        if isinstance(beside, dict):
            yield from _named(beside)
            if "billed_units" in beside or (name == "meta" and "tokens" in beside):
                yield beside
    if not _FLAT.isdisjoint(body):
        yield {name: body[name] for name in _FLAT if name in body}
    yield from _named(body)


def _named(holder: Mapping[str, Any]) -> Iterator[Usage]:
    for name in (*_BLOCKS, *_NAMES):
        usage = holder.get(name)
        for part in usage[:_FEW] if isinstance(usage, list) else (usage,):
            if isinstance(part, dict):
                yield part


def _of_choices(body: Mapping[str, Any]) -> Iterator[tuple[object, Usage]]:
    """What single choices say, each with its index."""
    choices = body.get("choices")
    for at, choice in enumerate(choices[:_CHOICES]) if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        index = choice.get("index", at)
        for holder in (choice.get("message"), choice.get("delta"), choice):
            usage = holder.get("usage") if isinstance(holder, dict) else None
            if isinstance(usage, dict):
                yield index if isinstance(index, int) else at, usage


class ReportedUsage:
    """What an answer says that it used, over all its pieces.

    What comes later goes before what came earlier, which may have been said in advance. Choices
    with usages of their own share the prompt, and their other tokens add up.
    """

    __slots__ = ("_choices", "_last", "_whole")

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._choices: dict[object, dict[str, Any]] = {}
        self._last = False  # choices spoke last

    def take(self, body: Mapping[str, Any]) -> None:
        """Read a response, or the next piece of one.

        Args:
            body: in which usage may stand.
        """
        told: dict[str, Any] = {}
        for usage in places_of(body):
            merge_usage(told, usage)
        for index, usage in _of_choices(body):
            merge_usage(self._choices.setdefault(index, {}), usage)
            self._last = True
        if told:
            merge_usage(self._whole, told)
            self._last = self._last and not _counts(told)

    @property
    def usage(self) -> dict[str, Any]:
        """All of it; empty where nothing is said."""
        if not self._choices:
            return self._whole
        added, found = _added(list(self._choices.values())), dict[str, Any]()
        for part in (self._whole, added) if self._last else (added, self._whole):
            merge_usage(found, part)
        return found


def usage_of(body: Mapping[str, Any] | None) -> Usage | None:
    """What a whole response says that it used; None if it says nothing.

    Args:
        body: of the response.
    """
    if body is None:
        return None
    usage = body.get("usage")
    if isinstance(usage, dict):
        get = usage.get
        if get("prompt_tokens") and get("completion_tokens"):
            return usage  # what nearly all say
    found = ReportedUsage()
    found.take(body)
    return found.usage or (usage if isinstance(usage, dict) else None)


def merge_usage(into: dict[str, Any], newer: Usage) -> None:
    """Lay what a later piece says over what earlier ones said.

    Nothing, zero and what can be no number overwrite nothing. Where the two are of different
    dialects, or name the same otherwise, the later goes in the place of the earlier.

    Args:
        into: is changed.
        newer: what the later piece says.
    """
    if into and _dialect(into) is not _dialect(newer):
        older, newer = dict(as_chat(into)), as_chat(newer)
        into.clear()
        into.update(older)
    for names in _SAME:
        said = [name for name in names if amount(newer.get(name)) > 0.0]
        for name in names if said else ():
            if name not in newer:
                into.pop(name, None)
    completion = any(amount(newer.get(name)) > 0.0 for name in _SAME[1])
    if completion and "total_tokens" not in newer and not into.keys().isdisjoint(_SAME[1]):
        into.pop("total_tokens", None)  # of an answer that was not over
    for name, value in newer.items() if len(newer) <= _FIELDS else _first(newer):
        known = into.get(name)
        if isinstance(value, dict):
            into[name] = dict(known) if isinstance(known, dict) else {}
            merge_usage(into[name], value)
        elif known is None or _worth(value, known):
            into[name] = value


def _first(usage: Usage) -> Iterator[tuple[str, Any]]:
    return islice(usage.items(), _FIELDS)


def _worth(value: object, known: object) -> bool:
    """Whether a later value goes in the place of an earlier one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return bool(value)
    later, earlier = amount(value, math.inf), amount(known, math.inf)
    if math.isnan(earlier):
        return later == later or bool(value)
    return later > 0.0 and (later < _MOST or later <= earlier)


def _counts(usage: Usage) -> bool:
    """Whether it says a number of tokens."""
    chat = as_chat(usage)
    return any(amount(chat.get(name)) > 0.0 for names in _SAME for name in names)


def _added(usages: list[dict[str, Any]]) -> dict[str, Any]:
    """The usages of choices, which share the prompt; the same of each is that of all, repeated."""
    if all(it == usages[0] for it in usages):
        return usages[0]
    whole: dict[str, Any] = {}
    parts = [as_chat(it) for it in usages]
    for name in dict.fromkeys(name for it in parts for name in it):
        values = [it[name] for it in parts if it.get(name) is not None]
        shared = name.startswith(_SHARED)
        if any(isinstance(it, dict) for it in values):
            inner = [it for it in values if isinstance(it, dict)]
            whole[name] = inner[-1] if shared else _added(inner)
        else:
            whole[name] = _together(values, shared=shared)
    totals = [amount(it.get("total_tokens")) - amount(it.get("prompt_tokens")) for it in parts]
    rest = sum(totals) + amount(whole.get("prompt_tokens"))
    whole["total_tokens"] = rest if rest == rest else None
    return {name: value for name, value in whole.items() if value is not None}


_SHARED = ("prompt_", "input_", "cache", "num_cached")
"""Beginnings of fields of the prompt."""


def _together(values: list[Any], *, shared: bool) -> Any:
    known = [it for it in map(amount, values) if it == it]
    if not known:
        return values[-1] if values else None
    return max(known) if shared else sum(known)


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
    answer = _of(usage, "candidatesTokenCount", "candidates_token_count", "completion_token_count")
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
    """Input tokens leave out those of the cache; what others call cached input, they hold."""
    read = _of(usage, "cacheReadInputTokens", "cacheReadInputTokenCount")
    written = _of(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    return _chat(
        prompt=_sum(_of(usage, "inputTokens", "inputTokenCount"), read, written),
        completion=_of(usage, "outputTokens", "outputTokenCount"),
        cached=read or usage.get("cachedInputTokens"),
        written=written,
        reasoning=usage.get("reasoningTokens"),
    )


def _camel(usage: Usage) -> dict[str, Any]:
    return _chat(
        prompt=usage.get("promptTokens"),
        completion=usage.get("completionTokens"),
        total=usage.get("totalTokens"),
    )


def _cohere(usage: Usage) -> dict[str, Any]:
    """`billed_units` are what is paid for; `tokens` count what the provider adds too."""
    both = (usage.get("billed_units"), usage.get("tokens"))
    counted = next((it for it in both if isinstance(it, dict) and it), {})
    return _chat(
        prompt=counted.get("input_tokens"),
        completion=counted.get("output_tokens"),
        cached=usage.get("cached_tokens"),
    )


def _ollama(usage: Usage) -> dict[str, Any]:
    return _chat(prompt=usage.get("prompt_eval_count"), completion=usage.get("eval_count"))


def _llama(usage: Usage) -> dict[str, Any]:
    """Of the prompt, `prompt_n` were read and `cache_n` were there."""
    cached = usage.get("cache_n")
    read = _sum(usage.get("prompt_n"), cached)
    return _chat(
        prompt=_of(usage, "tokens_evaluated") if read is None else read,
        completion=_of(usage, "predicted_n", "tokens_predicted"),
        cached=cached,
    )


DIALECTS = (
    Dialect(
        "Gemini",
        ("promptTokenCount", "prompt_token_count", "totalTokenCount", "total_token_count"),
        _gemini,
    ),
    Dialect("Converse", ("inputTokens", "outputTokens", "inputTokenCount"), _converse),
    Dialect("camel case", ("promptTokens", "completionTokens"), _camel),
    Dialect("Cohere", ("billed_units", "tokens"), _cohere),
    Dialect("Ollama", ("prompt_eval_count", "eval_count"), _ollama),
    Dialect(
        "llama.cpp", ("prompt_n", "predicted_n", "tokens_evaluated", "tokens_predicted"), _llama
    ),
)
"""Those besides chat completions, responses and Anthropic's messages, which share their names."""

_FOREIGN = frozenset(field for dialect in DIALECTS for field in dialect.known_by)
_USUAL = frozenset(name for names in _SAME for name in names)


def _dialect(usage: Usage) -> Dialect | None:
    """The foreign one that it is in, unless it counts tokens by the usual names."""
    if _FOREIGN.isdisjoint(usage) or any(amount(usage.get(it)) > 0.0 for it in _USUAL):
        return None
    return next(it for it in DIALECTS if not usage.keys().isdisjoint(it.known_by))


def as_chat(usage: Usage) -> Usage:
    """Usage of a foreign dialect with the fields of chat completions; any other as it is.

    Args:
        usage: as a response has it.
    """
    dialect = _dialect(usage)
    return usage if dialect is None else _with_cost(dialect.converted(usage), usage)


def _with_cost(chat: dict[str, Any], usage: Usage) -> dict[str, Any]:
    """With what is said of money, which has the same names in all dialects."""
    return chat | {name: usage[name] for name in ("cost", "cost_details") if name in usage}


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
    known = [amount(it) for it in (first, *others)]
    if math.isnan(known[0]) and first is not None:
        return first
    there = [it for it in known if not math.isnan(it)]
    return sum(there) if there else None
