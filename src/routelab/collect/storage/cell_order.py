"""Cells in the order of requests and arms, whatever the order in which they were answered.

Answers come back in another order in each run, and a log whose rows follow it gives other
resamples, and so other intervals, for the same answers.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from operator import itemgetter
from typing import IO, TypeAlias

from routelab.collect.storage.cell import AskedCell, decode_line, encode_line

_HELD = 64 * 2**20
"""Bytes of cells that are sorted in memory; more of them go by temporary files."""

_Keyed: TypeAlias = tuple[int, int, bytes]
_key = itemgetter(0, 1)


def in_order(cells: Iterable[AskedCell], held: int = _HELD) -> Iterator[AskedCell]:
    """The same cells by request, then by arm, in bounded memory.

    Args:
        cells: in any order.
        held: bytes that are sorted in memory at once.
    Raises:
        OSError: there is no room for temporary files.
    """
    with ExitStack() as files:
        runs: list[IO[bytes]] = []
        kept: list[_Keyed] = []
        size = 0
        for cell in cells:
            line = encode_line(cell)
            kept.append((cell.row, cell.arm, line))
            size += len(line)
            if size >= held:
                runs.append(files.enter_context(tempfile.TemporaryFile()))
                _spill(kept, runs[-1])
                kept, size = [], 0
        kept.sort(key=_key)
        for _, _, line in heapq.merge(*map(_lines, runs), kept, key=_key):
            yield _cell(line)


def _spill(kept: list[_Keyed], file: IO[bytes]) -> None:
    kept.sort(key=_key)
    file.writelines(line + b"\n" for _, _, line in kept)
    file.seek(0)


def _lines(file: IO[bytes]) -> Iterator[_Keyed]:
    for line in file:
        cell = _cell(line)
        yield cell.row, cell.arm, line


def _cell(line: bytes) -> AskedCell:
    found = decode_line(line)
    assert isinstance(found, AskedCell)  # as it was written
    return found
