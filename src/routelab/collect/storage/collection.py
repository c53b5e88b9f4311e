"""A collection on the disk: a folder with its manifest, its requests and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from routelab.collect.storage.cell import AskedCell
from routelab.collect.storage.cell_files import CellFiles, cell_files, cell_lines
from routelab.collect.storage.cell_order import in_order
from routelab.collect.storage.cell_table import CellTable
from routelab.collect.storage.manifest import MANIFEST, Manifest, read_manifest
from routelab.collect.storage.request_file import REQUESTS, CollectedRequest, RequestFile
from routelab.collect.storage.self_closing import SelfClosing
from routelab.errors import CollectError


class CollectedCell(NamedTuple):
    """A cell with its request and the name of its arm.

    Attributes:
        request: that was asked.
        model: name of the arm.
        cell: what became of it.
    """

    request: CollectedRequest
    model: str
    cell: AskedCell


class Collection(SelfClosing):
    """A collection that is there, to be read; used within `with`.

        with Collection(Path("mine.collection")) as found:
            for it in found.cells():
                print(it.request.id, it.model, it.cell.outcome, it.cell.answer)

    Attributes:
        path: of the folder.
        manifest: what is asked of whom.
        requests: by their number.

    Args:
        path: of the folder.
    Raises:
        CollectError: there is none, or it is damaged or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest = read_manifest(path)
        self.requests = RequestFile(path / REQUESTS)
        if self.requests.sha256 != self.manifest.requests_sha256:
            self.requests.close()
            raise CollectError(
                f"{path / REQUESTS}: is not what was collected, as its digest is another one; put"
                " the file back, or collect anew"
            )

    @property
    def files(self) -> CellFiles:
        """That hold the cells now."""
        return cell_files(self.path)

    def table(self) -> CellTable:
        """The state of every cell.

        Raises:
            CollectError: a file cannot be read, or is of another collection.
        """
        table = CellTable(len(self.requests), len(self.manifest.arms))
        try:
            table.read(cell_lines(self.files))
        except IndexError as error:
            raise CollectError(
                f"{self.path}: its cells are of other requests or models than its manifest"
            ) from error
        return table

    def cells(self, *, ordered: bool = False) -> Iterator[CollectedCell]:
        """Every cell that is over, asked again or not; the last word on each, as written.

        Args:
            ordered: by request, then by arm, instead of as they were answered, which is another
                order in each run.
        Raises:
            CollectError: a file cannot be read, or is of another collection.
        """
        models, found = self.manifest.models, self._last_words()
        for cell in in_order(found) if ordered else found:
            yield CollectedCell(self.requests[cell.row], models[cell.arm], cell)

    def _last_words(self) -> Iterator[AskedCell]:
        files = self.files
        last = np.full((len(self.requests), len(self.manifest.arms)), -1, np.int64)
        for at, line in enumerate(cell_lines(files)):
            if isinstance(line, AskedCell):
                last[line.row, line.arm] = at
        for at, line in enumerate(cell_lines(files)):
            if isinstance(line, AskedCell) and last[line.row, line.arm] == at:
                yield line

    def close(self) -> None:
        """Close its files."""
        self.requests.close()


def is_collection(path: Path) -> bool:
    """Whether a path is the folder of a collection."""
    return (path / MANIFEST).is_file() and (path / REQUESTS).is_file()
