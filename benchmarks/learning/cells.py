"""Cells in a file, a line each, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.learning.judge import cell
from benchmarks.learning.worlds import LEAST_ROWS, WORLDS

HALF = "half"


def run(
    names: Sequence[str],
    kept: Path,
    *,
    splits: int | None = None,
    sizes: Sequence[int] = LEAST_ROWS,
    half: bool = True,
    budget_s: float | None = 60.0,
    account: bool = True,
) -> None:
    """Measure what the file lacks; half a line at its end is dropped.

    Args:
        names: of worlds.
        kept: file of cells.
        splits: cuts of each; None for ten, or three of large ones.
        sizes: rows given to `tune`, where a world has twice as many; half: half of it too.
        budget_s: seconds that a study may take; None for all it needs.
        account: whether studies say what can be learned, on which no policy depends.
    """
    whole = list(cells(kept))
    done = {(it["log"], it["n"], it["split"]) for it in whole}
    kept.write_text("".join(json.dumps(it) + "\n" for it in whole), encoding="utf-8")
    with kept.open("a", encoding="utf-8") as file:
        for name in names:
            try:
                world = WORLDS[name]()
            except FileNotFoundError as error:
                print(f"{name}: {error}; left out", file=sys.stderr)
                continue
            wanted = [*([HALF] if half else []), *(n for n in sizes if 2 * n <= len(world.log))]
            for seed in range(world.splits if splits is None else splits):
                for n in wanted:
                    if (world.name, n, seed) in done:
                        continue
                    start = time.monotonic()
                    rows = None if n == HALF else int(n)
                    found = {"log": world.name, "n": n, "split": seed}
                    found |= cell(world, seed, rows, budget_s, account=account)
                    file.write(json.dumps(found) + "\n")
                    file.flush()
                    taken = time.monotonic() - start
                    print(f"{world.name} n={n} split {seed}: {taken:.0f} s", file=sys.stderr)


def cells(kept: Path) -> Iterator[dict[str, Any]]:
    if kept.exists():
        with kept.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.endswith("\n"))
