"""Requests as a file of a collection: each once, its messages checked, none of them held."""

from __future__ import annotations

import hashlib
from array import array
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from routelab.collect.prompts.prompt_rows import prompt_rows
from routelab.collect.prompts.session_turns import SessionTurns
from routelab.collect.storage import CollectedRequest, encode_request
from routelab.core import Ints
from routelab.core.storage import lines_of, open_regular, replacing
from routelab.errors import CollectError

_TOLD = 20
"""Problems that are told of a file; more are counted."""

_Hashes: TypeAlias = npt.NDArray[np.uint64]

_key = msgspec.json.Encoder(order="sorted").encode


class PreparedRequests(NamedTuple):
    """What a file of prompts came to.

    Attributes:
        path: of the requests, one a line.
        n: how many there are.
        repeated: that say exactly what an earlier one says, and were left out.
        notes: what else is odd about the file, in sentences.
    """

    path: Path
    n: int
    repeated: int
    notes: tuple[str, ...]


def prepare(source: Path, target: Path, columns: dict[str, str] | None = None) -> PreparedRequests:
    """Write the requests of a file to `target`, each of them once.

    Requests that say the same are one, the first. A row without an id is named by its messages.

    Args:
        source: a file of prompts, a log, or a folder of one.
        target: is replaced atomically.
        columns: our column name to the file's.
    Raises:
        CollectError: everything that is wrong with the rows, or there are none.
        LogError: the file cannot be read.
        OSError: `target` cannot be written.
    """
    whole = target.with_name(f".{target.name}.all")
    try:
        keys, ids, notes = _written(source, whole, columns or {})
        kept = _firsts(np.array(keys, np.uint64).reshape(-1, 2))
        twice = _repeated(np.array(ids, np.uint64)[kept])
        if twice.size:
            raise CollectError(
                f"{source.name}: {twice.size:,} requests have the id of another one that says"
                f" something else, the first is {_id_at(whole, int(kept[twice[0]]))!r}; give each"
                " an id of its own, or none: `columns={'request_id': ''}`"
            )
        _keep(whole, target, kept)
    finally:
        whole.unlink(missing_ok=True)
    return PreparedRequests(target, len(kept), len(ids) - len(kept), notes)


def _written(
    source: Path, whole: Path, columns: dict[str, str]
) -> tuple[array[int], array[int], tuple[str, ...]]:
    """Write every row that is no copy of the one before it; gives keys and hashes of ids."""
    problems: list[str] = []
    more = 0

    def problem(text: str) -> None:
        nonlocal more
        if len(problems) < _TOLD:
            problems.append(text)
        else:
            more += 1

    keys, ids, turns = array("Q"), array("Q"), SessionTurns()
    last, last_id = b"", ""
    with whole.open("wb") as file:
        for plain in prompt_rows(source, columns, problem):
            request = turns.whole(plain).request
            if request.id and request.id == last_id and plain.request.session_id:
                continue  # the same turn, answered by another model
            key = hashlib.blake2b(_key(request.messages), digest_size=16).digest()
            if key == last and request.id == last_id:
                continue
            last, last_id = key, request.id
            request = request if request.id else replace(request, id=f"r-{key.hex()[:16]}")
            keys.frombytes(key)
            ids.frombytes(hashlib.blake2b(request.id.encode(), digest_size=8).digest())
            file.write(encode_request(request) + b"\n")
    if turns.backward:
        problem(
            f"{turns.backward[0]}: its turn comes before one that stands above it in its session"
            f" ({len(turns.backward):,} such rows); sort the file by turn"
        )
    if more:
        problems.append(f"{source.name}: and {more:,} rows more")
    if not ids and not problems:
        problems.append(f"{source.name}: has no requests")
    if problems:
        raise CollectError(*problems)
    return keys, ids, _notes(turns)


def _notes(turns: SessionTurns) -> tuple[str, ...]:
    continued = turns.counts["continued"]
    if not continued:
        return ()
    said = f"{continued:,} requests are asked with the turns of their session before them"
    if turns.unanswered:
        said += (
            f"; {turns.unanswered:,} turns have no answer in the file (`columns={{'response':"
            " 'COLUMN'}`), so that what follows them reads the user's words alone"
        )
    return (said,)


def _firsts(keys: _Hashes) -> Ints:
    """(k,) rows whose messages are in none before, in order."""
    if not len(keys):
        return np.zeros(0, np.int64)
    order = np.lexsort((np.arange(len(keys)), keys[:, 1], keys[:, 0]))
    sorted_ = keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = (sorted_[1:] != sorted_[:-1]).any(axis=1)
    return np.sort(order[new]).astype(np.int64)


def _repeated(ids: _Hashes) -> Ints:
    """Places of ids that are there before."""
    _, first = np.unique(ids, return_index=True)
    return np.setdiff1d(np.arange(len(ids)), first)


def _id_at(path: Path, row: int) -> str:
    with open_regular(path) as file:
        for at, line in enumerate(lines_of(file)):
            if at == row:
                return msgspec.json.decode(line, type=CollectedRequest).id
    return ""


def _keep(whole: Path, target: Path, rows: Ints) -> None:
    """Copy these lines."""
    kept = np.zeros(int(rows[-1]) + 1, bool)
    kept[rows] = True
    with replacing(target) as fresh, open_regular(whole) as file, fresh.open("wb") as out:
        for keep, line in zip(kept, lines_of(file), strict=False):
            if keep:
                out.write(line)
