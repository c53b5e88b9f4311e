"""A progress bar on standard error, for work that takes long enough to wonder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


@contextmanager
def passes() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """A function that starts a progress bar for each pass over a log, given its name."""
    with _bar() as bar:
        tasks: dict[str, TaskID] = {}

        def begin(what: str) -> Callable[[int, int], None]:
            for task in tasks.values():
                bar.update(task, visible=False)
            tasks[what] = bar.add_task(what)
            return lambda done, of: bar.update(tasks[what], completed=done, total=of)

        yield begin


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, of), which draws a bar; silent where there is no terminal."""
    with _bar() as bar:
        task = bar.add_task(what)

        def update(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield update


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
