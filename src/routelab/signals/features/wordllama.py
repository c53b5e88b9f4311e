"""The word table and the tokenizer that the wordllama wheel carries, opened where they lie."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError

TABLE = Path("weights") / "l2_supercat_256.safetensors"
TOKENIZER = Path("tokenizers") / "l2_supercat_tokenizer_config.json"


class Encoding(Protocol):
    """A text as a tokenizer gives it back."""

    @property
    def ids(self) -> Sequence[int]:
        """Rows of the table."""
        ...


class Tokenizer(Protocol):
    """The part of the package tokenizers that is used; only the extra `embed` brings it."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> Encoding: ...


class WordTable(NamedTuple):
    """Word vectors of a wheel.

    Attributes:
        vectors: (tokens, width) float16.
        table_sha256, tokenizer_sha256: of the files.
    """

    vectors: npt.NDArray[np.float16]
    tokenizer: Tokenizer
    table_sha256: str
    tokenizer_sha256: str


@cache
def word_table() -> WordTable:
    """What the installed wheel carries; read once, and never from the network.

    Its own loader is not used: it asks the network for files that are there.

    Raises:
        MissingExtraError: no wheel is installed, or its files are elsewhere.
    """
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise MissingExtraError(f"word embeddings need the package wordllama; {_how()}")
    folder = Path(spec.origin).parent
    try:
        table, tokenizer = (folder / TABLE).read_bytes(), (folder / TOKENIZER).read_bytes()
    except OSError as error:
        raise MissingExtraError(
            f"the installed wordllama has no {error.filename}; {_how()}"
        ) from error
    return _opened(table, tokenizer)


def _how() -> str:
    return f"install it with: {how_to_install('embed')}"


def _opened(table: bytes, tokenizer: bytes) -> WordTable:
    try:
        tokenizers = importlib.import_module("tokenizers")
    except ImportError as error:
        raise MissingExtraError(f"word embeddings need the package tokenizers; {_how()}") from error
    return WordTable(
        safetensors.numpy.load(table)["embedding.weight"],
        tokenizers.Tokenizer.from_buffer(tokenizer),
        hashlib.sha256(table).hexdigest(),
        hashlib.sha256(tokenizer).hexdigest(),
    )
