"""What a prompt is about: the mean of static word vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from routelab.core import Feedback, Request
from routelab.errors import PolicyError
from routelab.signals.features.provider import BoundProvider, FeatureProvider
from routelab.signals.features.tensors import Tensors
from routelab.signals.features.text import capped, text_of
from routelab.signals.features.vector import Vector

if TYPE_CHECKING:
    from routelab.signals.features.wordllama import WordTable

_NOTHING = Vector(np.empty(0, np.int64), np.empty(0))


class Embedding(FeatureProvider, frozen=True, tag="embedding"):
    """Mean of the prompt's token vectors, of Euclidean length one; needs the extra `embed`.

    Attributes:
        table_sha256, tokenizer_sha256: of the files that the scorers were fitted with.
        dim: leading columns of the table that are used; it was trained to be cut.
        cap: characters read, half of them from the end.
    """

    table_sha256: str
    tokenizer_sha256: str
    dim: int = 256
    cap: int = 4000

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= 4096:
            raise PolicyError(f"dim is {self.dim}; it must lie in [1, 4096]")
        if not 2 <= self.cap <= 1_000_000:
            raise PolicyError(f"cap is {self.cap} characters; it must lie in [2, 1000000]")

    @classmethod
    def installed(cls, dim: int = 256, cap: int = 4000) -> Embedding:
        """The embedding by the table that is installed here.

        Raises:
            MissingExtraError: none is.
        """
        table = _word_table()
        return cls(table.table_sha256, table.tokenizer_sha256, dim, cap)

    def bind(self, tensors: Tensors) -> BoundProvider:
        table = _word_table()
        problems = [
            f"the installed wordllama has another {what} ({there[:12]}) than the one the scorers"
            f" were fitted with ({wanted[:12]}); install that version, or tune again"
            for what, there, wanted in (
                ("table", table.table_sha256, self.table_sha256),
                ("tokenizer", table.tokenizer_sha256, self.tokenizer_sha256),
            )
            if there != wanted
        ]
        if self.dim > table.vectors.shape[1]:
            problems.append(f"dim is {self.dim}; the table has {table.vectors.shape[1]} columns")
        if problems:
            raise PolicyError(*problems)
        return _BoundEmbedding(self, table)


def _word_table() -> WordTable:
    from routelab.signals.features.wordllama import word_table  # for who has such a scorer

    return word_table()


class _BoundEmbedding(BoundProvider):
    def __init__(self, spec: Embedding, table: WordTable) -> None:
        self.width = spec.dim
        self._cap = spec.cap
        self._vectors = table.vectors[:, : spec.dim]
        self._tokenizer = table.tokenizer
        self._columns = np.arange(spec.dim, dtype=np.int64)

    def vector(self, request: Request, seen: Feedback | None) -> Vector:
        text = capped(text_of(request), self._cap).encode("utf-8", "replace").decode()
        tokens = self._tokenizer.encode(text, add_special_tokens=False).ids
        if not tokens:
            return _NOTHING
        # Sums of float16 numbers are exact in float64, so their order does not matter.
        values = self._vectors.take(tokens, axis=0, mode="clip").sum(axis=0, dtype=np.float64)
        length = math.sqrt(np.add.accumulate(values * values)[-1])
        return Vector(self._columns, values / length if length > 0.0 else values)
