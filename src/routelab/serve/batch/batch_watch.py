"""A folder of batches: each file that is put there is answered, until the watch is stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from routelab.errors import ConfigError, RoutelabError
from routelab.serve.batch.batch_input import BatchInput
from routelab.serve.batch.batch_output import BatchOutput
from routelab.serve.batch.batch_run import BatchProgress, BatchRun
from routelab.serve.gateway import Gateway

_ENDING = ".jsonl"
_FAILURES = ".errors.jsonl"

Signature: TypeAlias = tuple[int, int, int]


class BatchWatch:
    """Answers the files of a folder, one after the other, and those that come.

    A file is taken once it is the same at two looks, and again when it changes. What is in the
    output is not asked again, so that a watch goes on where a killed one stopped.

    Args:
        gateway: that answers.
        folder: of batches, `NAME.jsonl`.
        out: where `NAME.jsonl` goes, with the answers, and `NAME.errors.jsonl`.
        retry: ask those that failed again, each time a file is taken.
        look_s: seconds between looks.
        told: what came of a file: its end, or why it was left alone until it changes.
        options: of each run, as `BatchRun` has them; `max_usd` is of each file.
    Raises:
        ConfigError: the folders are one, or cannot be had.
    """

    def __init__(
        self,
        gateway: Gateway,
        folder: Path,
        out: Path,
        *,
        retry: bool = False,
        look_s: float = 2.0,
        told: Callable[[Path, BatchProgress | RoutelabError], None] = lambda *_: None,
        **options: Any,
    ) -> None:
        _check(folder, out)
        self._gateway, self._folder, self._out = gateway, folder, out
        self._retry, self._look_s, self._told, self._options = retry, look_s, told, options
        self._seen: dict[Path, Signature] = {}
        self._taken: dict[Path, Signature] = {}
        self._run: BatchRun | None = None
        self._stopped = asyncio.Event()

    def stop(self, why: str) -> None:
        """Take no more; what is under way is seen through."""
        self._stopped.set()
        if self._run is not None:
            self._run.stop(why)

    async def run(self) -> None:
        """Answer what comes until it is stopped."""
        while not self._stopped.is_set():
            for path in self._ready():
                if not self._stopped.is_set():
                    self._taken[path] = self._seen[path]
                    await self._answer(path)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._look_s)

    def _ready(self) -> list[Path]:
        """Files that nobody has written since the look before, and that were not taken so."""
        now = {}
        for path in self._folder.glob(f"*{_ENDING}"):
            with contextlib.suppress(OSError):  # it went meanwhile
                stat = path.stat()
                now[path] = stat.st_ino, stat.st_size, stat.st_mtime_ns
        before, self._seen = self._seen, now
        self._taken = {path: it for path, it in self._taken.items() if path in now}
        return sorted(
            path
            for path, found in now.items()
            if before.get(path) == found != self._taken.get(path)
        )

    async def _answer(self, path: Path) -> None:
        try:
            if path.name.endswith(_FAILURES):
                raise ConfigError(f"{path}: is called as failures are: give it another name")
            asked = BatchInput(path)
            failures = self._out / f"{path.name.removesuffix(_ENDING)}{_FAILURES}"
            with BatchOutput(self._out / path.name, failures, self._retry) as output:
                output.check(asked)
                self._run = BatchRun(self._gateway, asked, output, **self._options)
                self._told(path, await self._run.run())
        except RoutelabError as error:  # the other files go on
            self._told(path, error)
        finally:
            self._run = None


def _check(folder: Path, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file, and the answers to a folder go into a folder")
    if folder.resolve() == out.resolve():
        raise ConfigError(f"{out}: is the folder of the requests: give another for the answers")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be made: {error.strerror or error}") from error
