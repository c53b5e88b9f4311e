"""The one process that may write a collection: its lock, its journal, its end."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from routelab.collect.storage.cell import AskedCell, Line, Released, Reserved, encode_line
from routelab.collect.storage.cell_files import DamagedLine, cell_lines, mend, pack
from routelab.collect.storage.collection import Collection
from routelab.collect.storage.journal import CellJournal
from routelab.collect.storage.self_closing import SelfClosing
from routelab.core.storage import lock_file
from routelab.errors import CollectError

_LOCK = "lock"


class CollectionLock:
    """Keeps other processes from a collection for as long as this one lives.

    Args:
        folder: of the collection, which is there.
    Raises:
        CollectError: another process has it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _LOCK
        try:
            self._held = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise unwritable(folder, error) from error
        try:
            lock_file(self._held)
        except OSError as error:
            os.close(self._held)
            raise CollectError(
                f"{folder}: another process collects into it; wait for that, or give another"
                " `out`: two would pay twice"
            ) from error

    def release(self) -> None:
        """Let other processes in."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


class CollectionWriter(SelfClosing):
    """Writes cells of a collection that this process has locked; used within `with`.

    Attributes:
        collection: that is written.
        table: the state of its cells, those of this run included once they are on the disk.
        mended: bytes that a killed process left half written, and that were cut off.

    Args:
        collection: that is written.
    Raises:
        CollectError: it cannot be read or written.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        files = collection.files
        try:
            for path in files.stale:
                path.unlink(missing_ok=True)
            self.mended = sum(map(mend, files.journals))
            self.table = collection.table()
            self._journal = CellJournal(files.journal)
        except OSError as error:
            raise unwritable(collection.path, error) from error

    async def reserve(self, line: Reserved) -> None:
        """Once it is on the disk that a cell is about to be asked.

        Args:
            line: which, and for how much.
        Raises:
            CollectError: it cannot be written; the cell is not to be asked.
        """
        self._journal.append(encode_line(line))
        self.table.add(line)
        await self._journal.committed()

    async def keep(self, cell: AskedCell | Released) -> None:
        """Once a cell is on the disk; only then it counts.

        Args:
            cell: that is over, or that was reserved and is to be asked another time.
        Raises:
            CollectError: it cannot be written.
        """
        self._journal.append(encode_line(cell))
        await self._journal.committed()
        self.table.add(cell)

    def close(self) -> None:
        """Write what is left.

        Raises:
            CollectError: it cannot be written.
        """
        self._journal.close()

    def pack(self) -> None:
        """Make one Parquet file of the cells; the writer is closed then.

        Raises:
            CollectError: it cannot be written; the journal stays as it is.
        """
        self.close()
        files = self.collection.files
        pack(files, _settled(cell_lines(files), list(self.table.unsettled)))


def _settled(lines: Iterator[Line | DamagedLine], unsettled: list[Reserved]) -> Iterator[Line]:
    """Cells, then what is still reserved, as a cell settles what was reserved before it."""
    for line in lines:
        if isinstance(line, AskedCell) or (isinstance(line, Released) and _is_money(line)):
            yield line
    yield from unsettled


def _is_money(line: Released) -> bool:
    return line.spent_usd > 0.0 or line.unknown_usd > 0.0


def unwritable(folder: Path, error: OSError) -> CollectError:
    """Why nothing can be written to a folder."""
    ways = {
        errno.ENOSPC: "make room, and run the same command again",
        errno.EROFS: "give a place that can be written as `out`",
        errno.EACCES: "give a place that you may write as `out`",
    }
    way = ways.get(error.errno or 0, "give another place as `out`")
    return CollectError(f"{folder}: cannot be written: {error.strerror or error}; {way}")
