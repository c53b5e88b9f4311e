"""Figures of processes in a folder, from where those of a process that was killed are added up.

What a process tells anybody of its figures it has written here before, so that no sum that was
told is ever followed by a smaller one: collectors take a counter that falls for a new one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path

import msgspec

from routelab.serve.peers.figures import GatewayFigures, summed

_SUFFIX = ".figures"
_GONE = "gone"


class GoneFigures(msgspec.Struct, frozen=True):
    """Figures of processes that are gone, added up.

    Attributes:
        names: of the processes.
        figures: of all of them.
    """

    names: tuple[str, ...]
    figures: GatewayFigures


class FigureStore:
    """Files of figures, one for each process and one for all that are gone.

    Args:
        folder: that the processes share.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, figures: GatewayFigures) -> None:
        """Keep the figures of a process.

        Args:
            name: of the process, which no other ever has.
            figures: as they are now.
        """
        self._put(name, msgspec.msgpack.encode(figures))

    def others(self, live: Collection[str]) -> list[GatewayFigures]:
        """What is known of the processes that cannot be asked.

        Args:
            live: names of those that were asked.
        """
        # the sum last: a file that is added to it meanwhile is then seen in both, or in it alone
        found = {
            path.name.removesuffix(_SUFFIX): self._read(path)
            for path in sorted(self._folder.glob(f"*{_SUFFIX}"))
            if path.name.removesuffix(_SUFFIX) not in (*live, _GONE)
        }
        gone = self._gone()
        alone = [
            it.ended()
            for name, it in found.items()
            if it is not None and (gone is None or name not in gone.names)
        ]
        return alone if gone is None else [*alone, gone.figures]

    def fold(self, name: str) -> None:
        """Add the figures of a process that is gone to those of all that are."""
        path = self._path(name)
        figures, gone = self._read(path), self._gone()
        if figures is None:
            return
        parts = [figures.ended()] if gone is None else [gone.figures, figures.ended()]
        names = (name,) if gone is None else (*gone.names, name)
        self._put(_GONE, msgspec.msgpack.encode(GoneFigures(names, summed(parts))))
        path.unlink(missing_ok=True)

    def _put(self, name: str, content: bytes) -> None:
        fresh = self._folder / f".{name}.{os.getpid()}-{threading.get_ident()}"
        fresh.write_bytes(content)
        fresh.replace(self._path(name))  # not forced to the disk: it ends with the server

    def _path(self, name: str) -> Path:
        return self._folder / (name + _SUFFIX)

    def _gone(self) -> GoneFigures | None:
        try:
            content = self._path(_GONE).read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.msgpack.decode(content, type=GoneFigures)

    def _read(self, path: Path) -> GatewayFigures | None:
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=GatewayFigures)
        except FileNotFoundError:  # it was added to the others meanwhile
            return None
