"""Print what must not grow unseen: `python .ci/growth.py`.

The longest functions, the largest files and folders of the source, and how long the lists of
exceptions are that its tests make.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SUITE = PROJECT / "tests" / "suites" / "architecture"
SHOWN = 5
MARKS = ("# Long: ", "# Many arguments: ", "# noqa", "# type: ignore", "# fmt: skip")
"""Comments that are exceptions too."""


def report() -> str:
    """All of it, in lines."""
    world = runpy.run_path(str(SUITE / "sources_world.py"))
    files, functions, short = world["files"](), world["functions"], world["short"]
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in files}
    bodies = [(it.lines, f"{short(path)}: {it.name}") for path in files for it in functions(path)]
    rows = [(n, short(path)) for path, n in lines.items()]
    folders = [(len(held), short(path)) for path, held in world["folders"]().items()]
    return "\n".join(
        [
            f"{len(files)} files, {sum(lines.values()):,} lines",
            *_top("longest functions, in lines", bodies),
            *_top("largest files, in lines", rows),
            *_top("largest folders, in modules", folders),
            "exceptions:",
            *(f"  {n:5}  {name}" for name, n in exceptions(files)),
        ]
    )


def exceptions(files: Iterable[Path]) -> Iterator[tuple[str, int]]:
    """Each list of exceptions and each kind of comment that makes one, and how many there are."""
    listed = runpy.run_path(str(SUITE / "exceptions.py"))
    yield from ((name, len(it)) for name, it in listed.items() if name.isupper())
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    yield from ((f"{mark.strip(':# ')} (comments)", len(re.findall(mark, code))) for mark in MARKS)


def _top(title: str, counted: list[tuple[int, str]]) -> list[str]:
    most = sorted(counted, key=lambda pair: (-pair[0], pair[1]))[:SHOWN]
    return [f"{title}:", *(f"  {n:5}  {name}" for n, name in most)]


if __name__ == "__main__":
    sys.stdout.write(f"{report()}\n")
