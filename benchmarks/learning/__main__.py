"""`python -m benchmarks.learning`: measure what is lacking, print the table."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.learning.cells import cells, run
from benchmarks.learning.table import floor, markdown, on_page, summary
from benchmarks.learning.worlds import LEAST_ROWS, WORLDS


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    asked.add_argument("--logs", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    asked.add_argument("--splits", type=int, help="cuts of each log; ten, three of large ones")
    asked.add_argument("--sizes", nargs="*", type=int, default=list(LEAST_ROWS))
    asked.add_argument("--no-half", action="store_true", help="only the sizes")
    asked.add_argument("--budget", type=float, default=60.0, help="seconds of a study; inf for all")
    asked.add_argument("--no-account", action="store_true", help="quicker; the same policies")
    asked.add_argument("--kept", type=Path, default=Path("learning_cells.jsonl"))
    asked.add_argument("--table", action="store_true", help="print what is kept, measure nothing")
    asked.add_argument("--page", type=Path, help="a page whose table is written anew")
    options = asked.parse_args(arguments)
    if not options.table:
        run(
            options.logs,
            options.kept,
            splits=options.splits,
            sizes=options.sizes,
            half=not options.no_half,
            budget_s=None if math.isinf(options.budget) else options.budget,
            account=not options.no_account,
        )
    rows = summary([*cells(options.kept)])
    print(markdown(rows), floor(rows), sep="\n", end="")
    if options.page is not None:
        page = options.page.read_text(encoding="utf-8")
        options.page.write_text(on_page(page, rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
