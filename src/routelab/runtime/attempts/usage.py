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
_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "cost"})
_CHAT = _PLAIN | {"prompt_tokens_details", "completion_tokens_details"}


def token_usage(usage: object) -> TokenUsage:
    """The tokens that a response was billed for; parts are parts of their whole.

    Read are the forms of OpenAI's chat completions and responses, and Anthropic's fields as
    gateways pass them on. Cached tokens that an endpoint counts beside the prompt are added to
    it, and reasoning that it counts beside the completion to that; both show in `total_tokens`.

    Args:
        usage: `usage` of a response; anything but an object says nothing.
    """
    if not isinstance(usage, dict):
        return TokenUsage(math.nan, math.nan)
    if usage.keys() <= _PLAIN:  # what most endpoints send
        return TokenUsage(
            amount(usage.get("prompt_tokens")), amount(usage.get("completion_tokens"))
        )
    if usage.keys() <= _CHAT:
        prompt, completion = amount(usage.get(_PROMPT[0])), amount(usage.get(_COMPLETION[0]))
        of_prompt, of_completion = usage.get(_IN_PROMPT[0]), usage.get(_IN_COMPLETION[0])
        of_prompt = of_prompt if isinstance(of_prompt, dict) else _NOTHING
        of_completion = of_completion if isinstance(of_completion, dict) else _NOTHING
    else:
        prompt, completion = _first(usage, _PROMPT), _first(usage, _COMPLETION)
        of_prompt, of_completion = _details(usage, _IN_PROMPT), _details(usage, _IN_COMPLETION)
    read, written = _part(of_prompt, _READ), _part(of_prompt, _WRITTEN)
    reasoning, total = _part(of_completion, _REASONING), amount(usage.get("total_tokens"))
    native = not usage.keys() <= _CHAT  # or a gateway before it, or somebody else's fields
    if native:
        read = read or _part(usage, _READ_BESIDE)
        written = written or _part(usage, _WRITTEN_BESIDE)
    cached = read + written
    if cached and _beside(usage, prompt, cached, total - completion, native):
        prompt += cached
    if reasoning and total == prompt + completion + reasoning:
        completion += reasoning
    read = min(read, prompt)
    if not written:
        return TokenUsage(prompt, completion, read, min(reasoning, completion))
    written = min(written, max(0.0, prompt - read))
    hour = min(_hour(usage, of_prompt), written)
    return TokenUsage(prompt, completion, read, min(reasoning, completion), written, hour)


def _beside(
    usage: Mapping[str, Any], prompt: float, cached: float, of_prompt: float, native: bool
) -> bool:
    """Whether cached tokens are counted beside the prompt's, and not among them."""
    if of_prompt == prompt + cached:
        return True
    if not native or not any(name in usage for name in (_READ_BESIDE[0], _WRITTEN_BESIDE[0])):
        return False
    own = "prompt_tokens" not in usage and not _details(usage, _IN_PROMPT)
    return own or cached > prompt


def _hour(usage: Mapping[str, Any], of_prompt: Mapping[str, Any]) -> float:
    """Tokens written to a cache for an hour."""
    return _part(_details(usage, _SPLIT) or _details(of_prompt, _SPLIT), _KEPT)


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
    for name in names:
        if name in found and (known := amount(found[name])) == known:
            return known
    return 0.0


def amount(value: object) -> float:
    """A number that is finite and not negative; NaN for anything else."""
    if type(value) is int and 0 <= value < _USUAL:  # what nearly all are
        return float(value)
    known = number(value)
    return known if known is not None and known >= 0.0 and math.isfinite(known) else math.nan
