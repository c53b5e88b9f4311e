"""The requests of a collection, one on each line, found by their number without being held."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from routelab.collect.storage.self_closing import SelfClosing
from routelab.core import Ints, Message
from routelab.core.storage import lines_of, open_regular
from routelab.errors import CollectError

REQUESTS = "requests.jsonl"


class CollectedRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request that is asked, with what its file says of it.

    Attributes:
        id: unique in the collection.
        messages: that are sent, in the OpenAI form, earlier turns included.
        task, group, session_id, tenant, priority: as in a log; empty where unknown.
        timestamp: Unix seconds of the logged request.
        columns: other columns of the file, such as reference answers, for graders.
    """

    id: str
    messages: tuple[Message, ...]
    task: str = ""
    group: str = ""
    session_id: str = ""
    tenant: str = ""
    priority: str = ""
    timestamp: float | None = None
    columns: Mapping[str, Any] = {}


encode_request = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CollectedRequest).decode


class RequestFile(SelfClosing):
    """The requests of a collection; of the file no more is in memory than where lines begin.

    Args:
        path: of the file.
    Raises:
        CollectError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        digest, starts, at = hashlib.sha256(), [np.zeros(1, np.int64)], 0
        try:
            with open_regular(path) as file:
                block: list[int] = []
                for line in lines_of(file):
                    digest.update(line)
                    at += len(line)
                    block.append(at)
                    if len(block) == 65_536:
                        starts.append(np.array(block, np.int64))
                        block = []
                starts.append(np.array(block, np.int64))
            self._file: BinaryIO = open_regular(path)
        except OSError as error:
            raise CollectError(f"{path}: cannot be read: {error.strerror or error}") from error
        self._starts = np.concatenate(starts)
        self.sha256 = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, row: int) -> CollectedRequest:
        """The request of a row, from 0.

        Raises:
            CollectError: the line is damaged.
        """
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        if hasattr(os, "pread"):
            line = os.pread(self._file.fileno(), end - start, start)
        else:  # Windows
            self._file.seek(start)
            line = self._file.read(end - start)
        try:
            return _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CollectError(f"{self.path}: line {row + 1} is no request: {error}") from error

    @property
    def sizes(self) -> Ints:
        """(n,) bytes of each line, which are more than the characters of its messages."""
        return np.diff(self._starts)

    def __iter__(self) -> Iterator[CollectedRequest]:
        return (self[row] for row in range(len(self)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
