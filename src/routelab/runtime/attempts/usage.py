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
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens")
_BESIDE = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Anthropic's fields, which gateways pass on; natively its input tokens leave them out."""
_SPLIT = ("cache_creation", "cache_creation_token_details")
_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "cost"})


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
    prompt, completion = _first(usage, _PROMPT), _first(usage, _COMPLETION)
    of_prompt, of_completion = _details(usage, _IN_PROMPT), _details(usage, _IN_COMPLETION)
    read = _known(_first(of_prompt, ("cached_tokens",)))
    written = _known(_first(of_prompt, _WRITTEN))
    read = read or _known(_first(usage, (_BESIDE[0], "prompt_cache_hit_tokens")))
    written = written or _known(_first(usage, (_BESIDE[1],)))
    total = amount(usage.get("total_tokens"))
    if _beside(usage, prompt, read + written, total - completion):
        prompt += read + written
    reasoning = _known(_first(of_completion, ("reasoning_tokens", "thinking_tokens")))
    if reasoning and total == prompt + completion + reasoning:
        completion += reasoning
    read, written = min(read, prompt), min(written, max(0.0, prompt - read))
    hour = min(_hour(usage, of_prompt), written)
    return TokenUsage(prompt, completion, read, min(reasoning, completion), written, hour)


def _beside(usage: Mapping[str, Any], prompt: float, cached: float, of_prompt: float) -> bool:
    """Whether cached tokens are counted beside the prompt's, and not among them."""
    if not cached or math.isnan(prompt):
        return False
    if of_prompt == prompt + cached:
        return True
    if math.isnan(_first(usage, _BESIDE)):
        return False
    native = "prompt_tokens" not in usage and not _details(usage, _IN_PROMPT)
    return native or cached > prompt


def _hour(usage: Mapping[str, Any], of_prompt: Mapping[str, Any]) -> float:
    """Tokens written to a cache for an hour."""
    split = _details(usage, _SPLIT) or _details(of_prompt, _SPLIT)
    return _known(_first(split, ("ephemeral_1h_input_tokens",)))


def _details(found: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    there = (found.get(name) for name in names)
    return next((it for it in there if isinstance(it, dict)), _NOTHING)


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> float:
    found_here = (amount(found.get(name)) for name in names)
    return next((it for it in found_here if not math.isnan(it)), math.nan)


def _known(tokens: float) -> float:
    return 0.0 if math.isnan(tokens) else tokens


def amount(value: object) -> float:
    """A number that is finite and not negative; NaN for anything else."""
    if type(value) is int and 0 <= value < _USUAL:  # what nearly all are
        return float(value)
    known = number(value)
    return known if known is not None and known >= 0.0 and math.isfinite(known) else math.nan
