"""What a response says of its tokens, in whichever of the usual forms, by one rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from routelab.core.catalogue import TokenUsage
from routelab.core.messages import brief
from routelab.runtime.attempts.usage.dialects import amount, as_chat

_NOTHING: Mapping[str, Any] = {}
_MOST = 10**8
"""As `amount` has it."""
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
_COUNTED = frozenset(
    (*_PROMPT, *_COMPLETION, "total_tokens", *_READ, *_WRITTEN, *_REASONING, *_READ_BESIDE)
)
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
    used, odd = read_usage(usage)
    return used, "; ".join(odd)


def read_usage(usage: object) -> tuple[TokenUsage, tuple[str, ...]]:
    """As `explained_usage`, with what is odd one by one.

    Args:
        usage: as `token_usage` takes it.
    """
    if not isinstance(usage, dict):
        return _UNKNOWN, ()
    get = usage.get
    prompt, completion, total = get("prompt_tokens"), get("completion_tokens"), get("total_tokens")
    if (
        type(prompt) is type(completion) is int
        and 0 < prompt < _MOST
        and 0 < completion < _MOST
        and (total is None or total == prompt + completion)
        and _BRIEF.issuperset(usage)
        and not _tells(get(_IN_PROMPT[0]))
        and not _tells(get(_IN_COMPLETION[0]))
    ):  # most responses, for which the class's own is slow
        whole = float(prompt), float(completion), 0.0, 0.0, 0.0, 0.0
        return tuple.__new__(TokenUsage, whole), ()
    return _read(as_chat(usage))


def _tells(details: object) -> bool:
    """Whether the parts of a whole say anything."""
    return bool(details) and not (isinstance(details, dict) and not any(details.values()))


def _read(usage: Mapping[str, Any]) -> tuple[TokenUsage, tuple[str, ...]]:
    odd = list(_impossible(usage))
    prompt, completion = _first(usage, _PROMPT), _first(usage, _COMPLETION)
    total = amount(usage.get("total_tokens"))
    if not prompt > 0.0:
        prompt = _hit_and_missed(usage, prompt)
    if math.isnan(prompt) and not math.isnan(total - completion) and total >= completion:
        prompt = total - completion
    elif math.isnan(completion) and not math.isnan(total - prompt) and total >= prompt:
        completion = total - prompt
    if math.isnan(prompt) or math.isnan(completion):
        return TokenUsage(prompt, completion), tuple(odd)
    if not (prompt or completion or total > 0.0):
        return _UNKNOWN, (*odd, "it reports no tokens at all")
    prompt, read, written = _with_cached(usage, prompt, completion, total, odd)
    completion, reasoning = _with_thought(usage, prompt, completion, total, odd)
    if prompt == 0.0:
        odd.append(NO_PROMPT)
    if completion == 0.0:
        odd.append(NO_COMPLETION)
    hour = min(_hour(usage, _details(usage, _IN_PROMPT)), written) if written else 0.0
    return TokenUsage(prompt, completion, read, reasoning, written, hour), tuple(odd)


def _with_cached(
    usage: Mapping[str, Any], prompt: float, completion: float, total: float, odd: list[str]
) -> tuple[float, float, float]:
    """Tokens of the prompt, of those read from a cache, and of those written to one."""
    details = _details(usage, _IN_PROMPT)
    read = _part(details, _READ) or _part(usage, _READ_BESIDE)
    written = _part(details, _WRITTEN) or _part(usage, _WRITTEN_BESIDE)
    cached = read + written
    if cached and (total == prompt + cached + completion or _beside(usage, prompt, cached)):
        return prompt + cached, read, written
    if cached > prompt:
        odd.append(
            f"{cached:.0f} cached tokens are more than the {prompt:.0f} of the prompt, and are"
            " charged beside them"
        )
        return prompt + cached, read, written
    return prompt, read, written


def _with_thought(
    usage: Mapping[str, Any], prompt: float, completion: float, total: float, odd: list[str]
) -> tuple[float, float]:
    """Tokens of the completion, and of those thought."""
    of_completion = _details(usage, _IN_COMPLETION)
    reasoning = _part(of_completion, _REASONING) or _part(usage, _REASONING)
    if reasoning and total == prompt + completion + reasoning:
        return completion + reasoning, reasoning
    if reasoning > completion:  # more than its whole, so beside it
        if not math.isnan(total):
            odd.append(
                f"{reasoning:.0f} tokens thought are more than the {completion:.0f} of the"
                " completion, and are charged beside them"
            )
        completion += reasoning
    rest = total - (prompt + completion)
    if rest > 0.0:
        odd.append(f"{rest:.0f} tokens stand in total_tokens only, and are charged as thought")
        return completion + rest, reasoning + rest
    if rest < 0.0 and len(odd) == 0:
        odd.append(
            f"total_tokens is {-rest:.0f} less than prompt and completion together, which count"
        )
    return completion, reasoning


NO_PROMPT, NO_COMPLETION = "it reports no tokens of the prompt", "it reports none of the answer"
"""What is odd unless nothing was sent, or answered."""


def _hit_and_missed(usage: Mapping[str, Any], prompt: float) -> float:
    """Tokens of a prompt of which only those found in a cache, and those not, are told."""
    parts = [amount(usage.get(f"prompt_cache_{it}_tokens")) for it in ("hit", "miss")]
    known = [it for it in parts if it > 0.0]
    return sum(known) if known else prompt


def _impossible(usage: Mapping[str, Any]) -> Iterator[str]:
    """What is said of tokens that can be no number of them."""
    inside = [*_IN_PROMPT, *_IN_COMPLETION]
    for place in (usage, *(_details(usage, (it,)) for it in inside)):
        for name in _COUNTED.intersection(place) if place else ():
            value = place[name]
            if value is not None and math.isnan(amount(value)):
                yield f"{name} is {brief(value, 40)}, which can be no number of tokens"


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
    """The first of these that is more than nothing, else nothing if one says so, else NaN."""
    there = [it for it in (amount(found.get(name)) for name in names) if it == it]
    return next((it for it in there if it), 0.0 if there else math.nan)


def _part(found: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """The first of these that is more than nothing."""
    for name in names:
        value = found.get(name)
        if value and (known := amount(value)) == known:
            return known
    return 0.0
