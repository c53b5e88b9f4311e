"""What a response says of its tokens, in whichever of the usual forms, by one rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from routelab.core.catalogue import TokenUsage
from routelab.signals import number

_NOTHING: Mapping[str, Any] = {}
_USUAL = 2**53
_PROMPT, _COMPLETION = ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")
_IN_PROMPT = ("prompt_tokens_details", "input_tokens_details")
_IN_COMPLETION = ("completion_tokens_details", "output_tokens_details")
_READ, _WRITTEN = ("cached_tokens",), ("cache_write_tokens", "cache_creation_tokens")
_REASONING, _KEPT = ("reasoning_tokens", "thinking_tokens"), ("ephemeral_1h_input_tokens",)
_READ_BESIDE = ("cache_read_input_tokens", "prompt_cache_hit_tokens")
_WRITTEN_BESIDE = ("cache_creation_input_tokens",)
"""Anthropic's fields, which gateways pass on; natively its input tokens leave them out."""
_SPLIT = ("cache_creation", "cache_creation_token_details")
_CHAT = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "cost", _IN_PROMPT[0], _IN_COMPLETION[0]}
)
_UNKNOWN = TokenUsage(math.nan, math.nan)


def token_usage(usage: object) -> TokenUsage:
    """The tokens that a response was billed for; parts are parts of their whole.

    Read are the forms of OpenAI's chat completions and responses, and Anthropic's fields as
    gateways pass them on. Cached tokens that an endpoint counts beside the prompt are added to
    it, and reasoning that it counts beside the completion to that; both show in `total_tokens`.

    Args:
        usage: `usage` of a response; anything but an object says nothing.
    """
    if not isinstance(usage, dict):
        return _UNKNOWN
    get = usage.get
    of_prompt: object
    of_completion: object
    native = not _CHAT.issuperset(usage)  # or a gateway before it, or somebody else's fields
    if native:
        prompt, completion = _first(usage, _PROMPT), _first(usage, _COMPLETION)
        of_prompt, of_completion = _details(usage, _IN_PROMPT), _details(usage, _IN_COMPLETION)
    else:  # what nearly all endpoints send, where each field has one name
        prompt, completion = amount(get("prompt_tokens")), amount(get("completion_tokens"))
        of_prompt, of_completion = get("prompt_tokens_details"), get("completion_tokens_details")
    read = written = reasoning = 0.0
    if of_prompt and isinstance(of_prompt, dict):
        read, written = _part(of_prompt, _READ), _part(of_prompt, _WRITTEN)
    if of_completion and isinstance(of_completion, dict):
        reasoning = _part(of_completion, _REASONING)
    if native:
        read = read or _part(usage, _READ_BESIDE)
        written = written or _part(usage, _WRITTEN_BESIDE)
    if not (read or written or reasoning):  # most responses, for which the class's own is slow
        return tuple.__new__(TokenUsage, (prompt, completion, 0.0, 0.0, 0.0, 0.0))
    total, cached = amount(get("total_tokens")), read + written
    beside = total == prompt + cached + completion or (native and _beside(usage, prompt, cached))
    if cached and beside:
        prompt += cached
    if reasoning and total == prompt + completion + reasoning:
        completion += reasoning
    read = prompt if prompt < read else read
    reasoning = completion if completion < reasoning else reasoning
    if not written:
        return TokenUsage(prompt, completion, read, reasoning)
    written = min(written, max(0.0, prompt - read))
    hour = min(_hour(usage, of_prompt), written)
    return TokenUsage(prompt, completion, read, reasoning, written, hour)


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


def amount(value: object) -> float:
    """A number that is finite and not negative; NaN for anything else."""
    if type(value) is int and 0 <= value < _USUAL:  # what nearly all are
        return float(value)
    known = number(value)
    return known if known is not None and known >= 0.0 and math.isfinite(known) else math.nan
