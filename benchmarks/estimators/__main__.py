"""`python -m benchmarks.estimators`: measure what is lacking, print the table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.estimators.cells import lines, run
from benchmarks.estimators.table import markdown, summary
from benchmarks.estimators.worlds import WORLDS


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    asked.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    asked.add_argument("--sizes", nargs="*", type=int, default=[2000], help="requests of a log")
    asked.add_argument("--repetitions", type=int, default=500)
    asked.add_argument("--kept", type=Path, default=Path("estimator_cells.jsonl"))
    asked.add_argument("--table", action="store_true", help="print what is kept, measure nothing")
    options = asked.parse_args(arguments)
    if not options.table:
        run(options.worlds, options.sizes, options.repetitions, options.kept)
    sys.stdout.write(markdown(summary(lines(options.kept))))


if __name__ == "__main__":
    main(sys.argv[1:])
