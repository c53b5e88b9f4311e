"""Reported usage beside what was seen: placeholders, and numbers that nothing seen explains.

Endpoints send zeros where they did not count, and what they knew before the answer began. A
number that what was sent or shown contradicts is not taken: the greater estimate is, and said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from routelab.core import ANSWER_LIMITS, estimated_tokens, tokens_of
from routelab.core.catalogue import TokenUsage
from routelab.runtime.attempts.usage.dialects import amount, usage_of
from routelab.runtime.attempts.usage.tokens import NO_COMPLETION, NO_PROMPT, read_usage

_LONGEST_ANSWER, _LONGEST_PROMPT = 1_000_000, 20_000_000
"""Tokens of one choice, and of a prompt, that no model makes or takes."""

_PER_TOKEN, _SOME = 12, 8
"""Characters of text that a token has at most on the average, and those that are too few to tell.
Prose has four or five; runs of the same sign, which may have more, are counted as three."""

_UNSEEN_ANSWER, _UNSEEN_PROMPT = 200_000, 200_000
"""Tokens that thoughts, and files or pages that the endpoint fetches, may well add."""

_RUNS = re.compile(r"(\W|_)\1{3,}")

_LIMITS = frozenset(ANSWER_LIMITS)

_BARE = frozenset(("role", "content"))
"""Fields of a message that says nothing but its text."""
_LOOKED_AT = 1 << 18
"""Characters of a text in which runs are looked for, which takes some milliseconds."""

_SAID = ("content", "reasoning_content", "reasoning", "thinking", "refusal")
"""Fields of a message whose text is of the answer."""

_BESIDE = (*_SAID[1:], "tool_calls")


@dataclass(slots=True)
class Exchange:
    """What was asked, and in how many pieces it was answered.

    Attributes:
        sent: body of the request.
        pieces: with something of the answer in them; 0 of an answer that came whole.
        read: the response that was looked at, and what was found; its cost and its tokens are
            asked for one after the other.
    """

    sent: Mapping[str, Any] = field(default_factory=dict)
    pieces: int = 0
    read: tuple[Mapping[str, Any], tuple[TokenUsage, str]] | None = field(
        default=None, compare=False, repr=False
    )


NOTHING_SENT = Exchange()


def credible_usage(
    body: Mapping[str, Any], exchange: Exchange = NOTHING_SENT
) -> tuple[TokenUsage, str]:
    """The tokens that a response was billed for as far as that can be believed; what is odd of it.

    Args:
        body: the response; of a failure nothing but its usage.
        exchange: that it is of.
    """
    if exchange.read is not None and exchange.read[0] is body:
        return exchange.read[1]
    found = _credible(body, exchange)
    if exchange is not NOTHING_SENT:
        exchange.read = body, found
    return found


def _credible(body: Mapping[str, Any], exchange: Exchange) -> tuple[TokenUsage, str]:
    used, odd = read_usage(usage_of(body))
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return used, "; ".join(it for it in odd if it not in (NO_PROMPT, NO_COMPLETION))
    if not odd and _is_plain(used, choices, exchange):
        return used, ""
    told = [it for it in odd if it != NO_COMPLETION]
    if not math.isnan(used.completion):
        used = _with_answer(used, choices, exchange, told)
    if exchange.sent and not math.isnan(used.prompt):
        used = _with_prompt(used, exchange.sent.get("messages"), told)
    return used, "; ".join(told)


def _is_plain(used: TokenUsage, choices: list[Any], exchange: Exchange) -> bool:
    """Whether nothing is odd about one choice of text alone: of most answers, and soon known."""
    only = choices[0] if len(choices) == 1 else None
    message = only.get("message") if isinstance(only, dict) else None
    if not isinstance(message, dict) or used.reasoning:
        return False
    content = message.get("content")
    if not isinstance(content, str):
        return False
    if not _BARE.issuperset(message) and any(map(message.get, _BESIDE)):
        return False
    tokens, sent = used.completion, exchange.sent
    if not 0 < tokens <= _UNSEEN_ANSWER or is_doubtful(tokens, len(content), exchange.pieces):
        return False
    if not _LIMITS.isdisjoint(sent):
        limits = [it for it in map(sent.get, ANSWER_LIMITS) if it is not None]
        if not all(isinstance(it, int) and tokens <= it for it in limits):
            return False
    characters = 0
    for it in sent.get("messages") or ():
        said = it.get("content") if isinstance(it, dict) else None
        if not isinstance(said, str) or "tool_calls" in it:
            return False
        characters += len(said)
    return 1 < used.prompt <= _UNSEEN_PROMPT and not is_doubtful(used.prompt, characters)


def answer_tokens(text: str, pieces: int) -> int:
    """An estimate: a piece is a token, unless the pieces are longer; then the text is measured."""
    measured = tokens_of(text)
    return measured if measured > 2 * pieces else pieces


def is_doubtful(tokens: float, characters: int, pieces: int = 0) -> bool:
    """Whether a text has so many characters, or pieces, that it must have more tokens.

    Args:
        tokens: as they are reported.
        characters: of the text.
        pieces: that it came in; those of a character or two may be less than a token.
    """
    if not tokens:
        return characters > 0
    many = pieces > 2 * tokens + 2 and characters >= 2 * pieces
    return many or characters > _PER_TOKEN * tokens + _SOME


def _with_answer(
    used: TokenUsage, choices: list[Any], exchange: Exchange, told: list[str]
) -> TokenUsage:
    texts = [text for it in choices if isinstance(it, dict) for text in _texts(it.get("message"))]
    pieces, tokens = exchange.pieces, used.completion
    if is_doubtful(tokens, sum(map(len, texts)), pieces):
        text = _without_runs("".join(texts))
        least = answer_tokens(text, pieces)
        if least > tokens and is_doubtful(tokens, len(text), pieces):
            told.append(
                f"it reports {tokens:.0f} tokens of the answer, which has {len(text)} characters"
                f"{f' in {pieces} pieces' if pieces else ''}: {least} are charged, an estimate"
            )
            return used._replace(completion=float(least))
    if tokens > _LONGEST_ANSWER * len(choices):
        told.append(f"it reports {tokens:.0f} tokens of the answer, which no model makes")
        return used._replace(completion=math.nan)
    shown = tokens - used.reasoning
    if (most := _most(exchange.sent, len(choices))) and shown > 2 * most + 100:
        told.append(
            f"it reports {tokens:.0f} tokens of the answer where the request allows {most:.0f}"
        )
    elif shown > _UNSEEN_ANSWER * len(choices) + sum(map(len, texts)):
        told.append(f"it reports {tokens:.0f} tokens of the answer, many more than it shows")
    return used


def _with_prompt(used: TokenUsage, messages: object, told: list[str]) -> TokenUsage:
    tokens = used.prompt
    if tokens > _LONGEST_PROMPT:
        told.append(f"it reports {tokens:.0f} tokens of the prompt, which no model takes")
        return used._replace(prompt=math.nan)
    if not isinstance(messages, list | tuple):
        return used
    if tokens > _UNSEEN_PROMPT and tokens > _UNSEEN_PROMPT + len(repr(messages)):
        told.append(f"it reports {tokens:.0f} tokens of the prompt, many more than were sent")
        return used
    if tokens > 1.0 or not is_doubtful(tokens, sum(map(_characters, messages))):
        return used  # what is no placeholder may leave out what the endpoint had in a cache
    text = _without_runs("".join(text for it in messages for text in _texts(it)))
    least = estimated_tokens(({"content": text},))
    if least <= tokens or not is_doubtful(tokens, len(text)):
        return used
    if tokens > 1:  # a prompt may be cut or kept by the endpoint, which knows what it reads
        told.append(
            f"it reports {tokens:.0f} tokens of the prompt, which has {len(text)} characters:"
            " charged as reported"
        )
        return used
    if NO_PROMPT in told:
        told.remove(NO_PROMPT)
    told.append(
        f"it reports {tokens:.0f} tokens of the prompt, which has {len(text)} characters: {least}"
        " are charged, an estimate"
    )
    return used._replace(prompt=float(least))


def _without_runs(text: str) -> str:
    """A text whose runs of a sign are short; its beginning stands for all of a very long one."""
    begins = _RUNS.sub(r"\1\1\1", text[:_LOOKED_AT])
    return begins if len(text) <= _LOOKED_AT else begins * (len(text) // _LOOKED_AT)


def _most(sent: Mapping[str, Any], choices: int) -> float:
    """Tokens of all choices that a request allows; 0 where it does not say."""
    known = [it for it in (amount(sent.get(name)) for name in ANSWER_LIMITS) if it > 0.0]
    return known[0] * choices if known else 0.0


def _characters(message: Any) -> int:
    content = message.get("content") if isinstance(message, dict) else None
    return len(content) if isinstance(content, str) else sum(map(len, _texts(message)))


def _texts(message: object) -> Iterator[str]:
    """Whatever a message says: its text, its thoughts and the calls of tools."""
    if not isinstance(message, dict):
        return
    for name in _SAID:
        said = message.get(name)
        if isinstance(said, str):
            yield said
        elif isinstance(said, list):
            parts = (it.get("text") for it in said if isinstance(it, dict))
            yield from (text for text in parts if isinstance(text, str))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        for name in ("name", "arguments"):
            said = function.get(name) if isinstance(function, dict) else None
            if isinstance(said, str):
                yield said
