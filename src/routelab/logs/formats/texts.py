"""Messages and responses: read from a file block by block, or held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from routelab.core import Ints, Message
from routelab.core.conversation import (
    DEFAULT_READS,
    checked_messages,
    conversation,
    is_prompt,
    key_text,
    kinds_of,
    message_text,
    opening,
    prompted,
    read_messages,
)
from routelab.core.messages import short_repr
from routelab.errors import LogError
from routelab.logs.formats.source import RowSource
from routelab.logs.model import Strings


def prompt_key(prompt: str) -> str:
    """SHA-256 (hex) of a prompt's UTF-8; half a surrogate pair is kept as it is."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()


_LOWER = bytes.maketrans(bytes(range(65, 91)), bytes(range(97, 123)))
_BLANKS = b" \t\n\r\v\f"


def prompt_group(prompt: str) -> str:
    """SHA-256 (hex) of a prompt without blanks and case: splits never part equal ones."""
    if not prompt.isascii():
        return prompt_key("".join(prompt.split()).casefold())
    return hashlib.sha256(prompt.encode().translate(_LOWER, _BLANKS)).hexdigest()


def message_key(messages: Sequence[Message]) -> str:
    """SHA-256 (hex) of messages."""
    return hashlib.sha256(key_text(messages)).hexdigest()


class SurveyedTexts(NamedTuple):
    """What is known of the messages of requests (n), once each was read.

    Attributes:
        prompts, openings: (n,) SHA-256 (hex) of what the user says, and says first.
        groups: (n,) of what the user says first, without blanks and case.
        messages: (n,) of all messages; empty where they are a prompt alone.
        lengths: (n,) characters of prompts.
        kinds: what messages hold besides prompts.
    """

    prompts: Strings
    openings: Strings
    groups: Strings
    messages: Strings
    lengths: Ints
    kinds: frozenset[str]


def said(prompt: str | None, messages: str | None = None) -> str | tuple[Message, ...]:
    """What a row says: its messages, or the prompt where a text is no conversation.

    Args:
        prompt: a text, which may hold a conversation as JSON.
        messages: as JSON; go before the prompt.
    Raises:
        LogError: the messages are none.
    """
    if messages is not None and messages.strip():
        try:
            return checked_messages(messages)
        except ValueError as error:
            raise LogError(f"messages {messages!r:.60}: {error}") from None
    text = prompt or ""
    return conversation(text) or text


def _prompt_of(it: str | tuple[Message, ...]) -> str:
    return it if isinstance(it, str) else message_text(read_messages(it, DEFAULT_READS))


def _messages_of(it: str | tuple[Message, ...]) -> tuple[Message, ...]:
    return prompted(it) if isinstance(it, str) else it


def _surveyed(
    n: int, pieces: Iterator[tuple[Ints, Sequence[str | tuple[Message, ...]]]]
) -> SurveyedTexts:
    """Every request's messages read once.

    Args:
        pieces: numbers of requests (p,), and what each says.
    """
    prompts, openings, groups = (np.empty(n, dtype=object) for _ in range(3))
    messages, lengths = np.full(n, "", dtype=object), np.zeros(n, dtype=np.int64)
    kinds: set[str] = set()
    for rows, told in pieces:
        for row, one in zip(rows.tolist(), told, strict=True):
            prompt = _prompt_of(one)
            prompts[row] = openings[row] = prompt_key(prompt)
            lengths[row] = len(prompt)
            begin = prompt
            if not isinstance(one, str):
                kinds |= kinds_of(one)
                begin = message_text(opening(one))
                openings[row] = prompt_key(begin)
                messages[row] = "" if is_prompt(one, prompt) else message_key(one)
            groups[row] = prompt_group(begin)
    return SurveyedTexts(prompts, openings, groups, messages, lengths, frozenset(kinds))


class _Texts:
    """What is told of messages, whoever holds them."""

    def prompt_keys(self) -> tuple[Strings, Ints]:
        return self.surveyed.prompts, self.surveyed.lengths

    def opening_keys(self) -> Strings:
        return self.surveyed.openings

    def prompt_groups(self) -> Strings:
        return self.surveyed.groups

    def message_keys(self) -> Strings:
        return self.surveyed.messages

    def kinds(self) -> frozenset[str]:
        return self.surveyed.kinds

    def prompts(self, rows: Ints) -> list[str]:
        return [*map(_prompt_of, self._said(rows))]

    def messages(self, rows: Ints) -> list[tuple[Message, ...]]:
        return [*map(_messages_of, self._said(rows))]

    @property
    def surveyed(self) -> SurveyedTexts:
        raise NotImplementedError

    def _said(self, rows: Ints) -> Sequence[str | tuple[Message, ...]]:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class FileTexts(_Texts):
    """Texts of a file's rows, read when asked for.

    Attributes:
        prompt: column of prompts; None where there are only messages.
        first: (n,) file row that holds each request's prompt or messages.
        responses_of: by model, the column of its answers and (n,) their file rows; -1 = none.
        said_in: column of messages, which go before the prompt; None where there is none.
    """

    source: RowSource
    prompt: str | None
    first: Ints
    responses_of: Mapping[str, tuple[str, Ints]] = field(default_factory=dict)
    said_in: str | None = None

    def responses(self, rows: Ints, model: str) -> list[str | None]:
        if model not in self.responses_of:
            return [None] * len(rows)
        column, at = self.responses_of[model]
        return self._strings(column, at[rows])

    @cached_property
    def surveyed(self) -> SurveyedTexts:
        return _surveyed(len(self.first), self._pieces())

    def _pieces(self) -> Iterator[tuple[Ints, Sequence[str | tuple[Message, ...]]]]:
        order = np.argsort(self.first)
        for rows, prompts, messages in self.cells(self.first[order]):
            here, order = order[: len(rows)], order[len(rows) :]
            yield here, [*map(said, prompts, messages)]

    def cells(
        self, rows: Ints
    ) -> Iterator[tuple[Ints, Sequence[str | None], Sequence[str | None]]]:
        """Rows of the file in pieces (p,), with the texts of prompts and of messages.

        Args:
            rows: (k,) ascending and distinct.
        """
        if self.prompt is None or self.said_in is None:
            column = self.prompt or self.said_in
            assert column is not None  # there is one of the two
            for part, texts in self.source.strings(column, rows):
                nothing = [None] * len(texts)
                yield (part, texts, nothing) if self.prompt else (part, nothing, texts)
            return
        both = (self.source.strings(column, rows) for column in (self.prompt, self.said_in))
        for (part, prompts), (_, messages) in zip(*both, strict=True):  # cut alike
            yield part, prompts, messages

    def _said(self, rows: Ints) -> Sequence[str | tuple[Message, ...]]:
        at = self.first[rows]
        nothing: list[str | None] = [None] * len(at)
        prompts = nothing if self.prompt is None else self._strings(self.prompt, at)
        messages = nothing if self.said_in is None else self._strings(self.said_in, at)
        return [*map(said, prompts, messages)]

    def _strings(self, column: str, at: Ints) -> list[str | None]:
        rows, back = np.unique(at, return_inverse=True)
        wanted = rows[rows >= 0]
        found: list[str | None] = [None] * (len(rows) - len(wanted))
        for _, texts in self.source.strings(column, wanted):
            found += texts
        return [found[index] for index in back]


@short_repr
@dataclass(frozen=True, eq=False)
class TextsInMemory(_Texts):
    """Texts of a log that was made and not read.

    Attributes:
        held: (n,) prompts, or messages of each request.
        answers: by model, (n,) responses; None where there is none.
    """

    held: Sequence[str | Sequence[Message]]
    answers: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def responses(self, rows: Ints, model: str) -> list[str | None]:
        held = self.answers.get(model)
        return [None if held is None else held[row] for row in rows]

    @cached_property
    def surveyed(self) -> SurveyedTexts:
        every = np.arange(len(self.held))
        return _surveyed(len(every), iter([(every, self._said(every))]))

    def kinds(self) -> frozenset[str]:
        """Without a key of every text, which nobody may ask for."""
        held = self._said(np.arange(len(self.held)))
        return frozenset[str]().union(*(kinds_of(it) for it in held if not isinstance(it, str)))

    def _said(self, rows: Ints) -> Sequence[str | tuple[Message, ...]]:
        cells = (self.held[row] for row in rows)
        return [said(it) if isinstance(it, str) else tuple(it) for it in cells]
