"""What a response says of its tokens, in whichever of the usual forms, by one rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from routelab.core.catalogue import TokenUsage
from routelab.runtime.attempts.usage_dialects import as_chat
from routelab.signals import number

_NOTHING: Mapping[str, Any] = {}
_MOST = 10**8
"""Tokens beyond which a number is a mistake, and as good as none: no window is as long."""
_PROMPT, _COMPLETION = ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")
_IN_PROMPT = ("prompt_tokens_details", "input_tokens_details")
_IN_COMPLETION = ("completion_tokens_details", "output_tokens_details")
_READ = ("cached_tokens", "cache_read_tokens", "cached_content_tokens", "cache_read_input_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
_REASONING, _KEPT = ("reasoning_tokens", "thinking_tokens"), ("ephemeral_1h_input_tokens",)
_READ_BESIDE = (
    "cache_read_input_tokens",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "num_cached_tokens",
    "cache_read_tokens",
)
_WRITTEN_BESIDE = ("cache_creation_input_tokens", "cache_write_tokens")
"""Anthropic's fields, which gateways pass on; natively its input tokens leave them out."""
_SPLIT = ("cache_creation", "cache_creation_token_details")
_BRIEF = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "cost", _IN_PROMPT[0], _IN_COMPLETION[0]}
)
"""Fields that nearly all endpoints send, and no others."""
_UNKNOWN = TokenUsage(math.nan, math.nan)


def token_usage(usage: object) -> TokenUsage:
    """The tokens that a response was billed for; parts are parts of their whole.

    Read are the forms of OpenAI's chat completions and responses, Anthropic's fields as gateways
    pass them on, and the dialects of `usage_dialects`. Cached tokens that an endpoint counts beside
    the prompt are added to it, and reasoning that it counts beside the completion to that; both
    show in `total_tokens`. What stands in the total alone was thought, and is the completion's.

    Args:
        usage: `usage` of a response; anything but an object says nothing.
    """
    return explained_usage(usage)[0]


def explained_usage(usage: object) -> tuple[TokenUsage, str]:
    """The tokens that a response was billed for, and what is odd about what it says of them.

    Args:
        usage: as `token_usage` takes it.
    """
    if not isinstance(usage, dict):
        return _UNKNOWN, ""
    get = usage.get
    prompt, completion, total = get("prompt_tokens"), get("completion_tokens"), get("total_tokens")
    if (
        type(prompt) is type(completion) is int
        and 0 <= prompt < _MOST
        and 0 <= completion < _MOST
        and (prompt or completion)
        and (total is None or total == prompt + completion)
        and _BRIEF.issuperset(usage)
        and not _tells(get(_IN_PROMPT[0]))
        and not _tells(get(_IN_COMPLETION[0]))
    ):  # most responses, for which the class's own is slow
        whole = float(prompt), float(completion), 0.0, 0.0, 0.0, 0.0
        return tuple.__new__(TokenUsage, whole), ""
    return _read(as_chat(usage))


def _tells(details: object) -> bool:
    """Whether the parts of a whole say anything."""
    return bool(details) and not (isinstance(details, dict) and not any(details.values()))


def _read(usage: Mapping[str, Any]) -> tuple[TokenUsage, str]:
    prompt, completion = _first(usage, _PROMPT), _first(usage, _COMPLETION)
    total = amount(usage.get("total_tokens"))
    of_prompt, of_completion = _details(usage, _IN_PROMPT), _details(usage, _IN_COMPLETION)
    read = _part(of_prompt, _READ) or _part(usage, _READ_BESIDE)
    written = _part(of_prompt, _WRITTEN) or _part(usage, _WRITTEN_BESIDE)
    reasoning = _part(of_completion, _REASONING) or _part(usage, _REASONING)
    if math.isnan(prompt) and not math.isnan(total - completion) and total >= completion:
        prompt = total - completion
    elif math.isnan(completion) and not math.isnan(total - prompt) and total >= prompt:
        completion = total - prompt
    if math.isnan(prompt) or math.isnan(completion):
        return TokenUsage(prompt, completion), _impossible(usage)
    if not (prompt or completion or total > 0.0):
        return _UNKNOWN, "it reports no tokens at all"
    cached = read + written
    if cached and (total == prompt + cached + completion or _beside(usage, prompt, cached)):
        prompt += cached
    if reasoning and total == prompt + completion + reasoning:
        completion += reasoning
    elif reasoning > completion and math.isnan(total):
        completion += reasoning  # more than its whole, so beside it
    odd, rest = "", total - (prompt + completion)
    if rest > 0.0:
        odd = f"{rest:.0f} tokens stand in total_tokens only, and are charged as thought"
        completion, reasoning = completion + rest, reasoning + rest
    elif rest < 0.0:
        odd = f"total_tokens is {-rest:.0f} less than prompt and completion together, which count"
    read = prompt if prompt < read else read
    reasoning = completion if completion < reasoning else reasoning
    written = min(written, max(0.0, prompt - read))
    hour = min(_hour(usage, of_prompt), written) if written else 0.0
    return TokenUsage(prompt, completion, read, reasoning, written, hour), odd


def _impossible(usage: Mapping[str, Any]) -> str:
    """What is said of tokens that can be no number of them; empty where nothing is."""
    for name in (*_PROMPT, *_COMPLETION):
        value = usage.get(name)
        if value is not None and math.isnan(amount(value)):
            return f"{name} is {value!r:.40}, which can be no number of tokens"
    return ""


def _beside(usage: Mapping[str, Any], prompt: float, cached: float) -> bool:
    """Whether Anthropic's fields count cached tokens beside the prompt's, and not among them."""
    if not any(name in usage for name in (_READ_BESIDE[0], _WRITTEN_BESIDE[0])):
        return False
    own = "prompt_tokens" not in usage and not _details(usage, _IN_PROMPT)
    return own or cached > prompt


def _hour(usage: Mapping[str, Any], of_prompt: object) -> float:
    """Tokens written to a cache for an hour."""
    split = _details(usage, _SPLIT)
    if not split and isinstance(of_prompt, dict):
        split = _details(of_prompt, _SPLIT)
    return _part(split, _KEPT)


def _details(found: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    for name in names:
        there = found.get(name)
        if isinstance(there, dict):
            return there
    return _NOTHING


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> float:
    for name in names:
        if name in found and (known := amount(found[name])) == known:
            return known
    return math.nan


def _part(found: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """The first of these that is more than nothing."""
    for name in names:
        value = found.get(name)
        if value and (known := amount(value)) == known:
            return known
    return 0.0


def amount(value: object, most: float = _MOST) -> float:
    """A number that is not negative and can be; NaN for anything else.

    Args:
        value: as a response has it.
        most: it can be.
    """
    if type(value) is int and 0 <= value < most:  # what nearly all are
        return float(value)
    known = None if isinstance(value, bool) else number(value)
    return known if known is not None and 0.0 <= known < most else math.nan
