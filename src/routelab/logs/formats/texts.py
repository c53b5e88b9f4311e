"""Prompts and responses: read from a file block by block, or held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from routelab.core import Ints
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


@dataclass(frozen=True, eq=False)
class FileTexts:
    """Texts of a file's rows, read when asked for.

    Attributes:
        prompt: column of prompts.
        first: (n,) file row that holds each request's prompt.
        responses_of: by model, the column of its answers and (n,) their file rows; -1 = none.
    """

    source: RowSource
    prompt: str
    first: Ints
    responses_of: Mapping[str, tuple[str, Ints]] = field(default_factory=dict)

    def prompts(self, rows: Ints) -> list[str]:
        return [text or "" for text in self._strings(self.prompt, self.first[rows])]

    def responses(self, rows: Ints, model: str) -> list[str | None]:
        if model not in self.responses_of:
            return [None] * len(rows)
        column, at = self.responses_of[model]
        return self._strings(column, at[rows])

    def prompt_keys(self) -> tuple[Strings, Ints]:
        return self._keys[:2]

    def prompt_groups(self) -> Strings:
        return self._keys[2]

    @cached_property
    def _keys(self) -> tuple[Strings, Ints, Strings]:
        order = np.argsort(self.first)
        keys, groups = (np.empty(len(order), dtype=object) for _ in range(2))
        lengths = np.zeros(len(order), dtype=np.int64)
        done = 0
        for rows, texts in self.source.strings(self.prompt, self.first[order]):
            here = order[done : done + len(rows)]
            keys[here] = [prompt_key(text or "") for text in texts]
            groups[here] = [prompt_group(text or "") for text in texts]
            lengths[here] = [len(text or "") for text in texts]
            done += len(rows)
        return keys, lengths, groups

    def _strings(self, column: str, at: Ints) -> list[str | None]:
        rows, back = np.unique(at, return_inverse=True)
        wanted = rows[rows >= 0]
        found: list[str | None] = [None] * (len(rows) - len(wanted))
        for _, texts in self.source.strings(column, wanted):
            found += texts
        return [found[index] for index in back]


@dataclass(frozen=True, eq=False)
class TextsInMemory:
    """Texts of a log that was made and not read.

    Attributes:
        held: (n,) prompts.
        answers: by model, (n,) responses; None where there is none.
    """

    held: Sequence[str]
    answers: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def prompts(self, rows: Ints) -> list[str]:
        return [self.held[row] for row in rows]

    def responses(self, rows: Ints, model: str) -> list[str | None]:
        held = self.answers.get(model)
        return [None if held is None else held[row] for row in rows]

    def prompt_keys(self) -> tuple[Strings, Ints]:
        keys = np.array([prompt_key(prompt) for prompt in self.held], dtype=object)
        return keys, np.array([len(prompt) for prompt in self.held], dtype=np.int64)

    def prompt_groups(self) -> Strings:
        return np.array([prompt_group(prompt) for prompt in self.held], dtype=object)
