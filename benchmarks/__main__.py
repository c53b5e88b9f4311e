"""Run benchmarks: all, or those named (`python -m benchmarks decision replay`).

Prints `name value target ok|below`; a run of all writes `results.json` beside this file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.apart import apart

NAMES = (
    "replay",
    "open",
    "decision",
    "cascade_routing",
    "trees",
    "import",
    "report",
    "study",
    "demo",
    "learning",
    "area",
    "recipes",
    "operations",
    "runtime",
    "hostile",
    "transport",
    "serve",
    "queue",
    "streams",
    "many",
    "simulate",
    "tuning",
    "scan",
    "import_calls",
    "estimators",
    "collect",
)


def main(wanted: Sequence[str]) -> int:
    if unknown := [name for name in wanted if name not in NAMES]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    results = []
    for benchmark in wanted or NAMES:
        for name, value, target, ok in apart(f"bench_{benchmark}"):
            verdict = "ok" if ok else "below"
            print(f"{name} {value:.4g} {target} {verdict}", flush=True)
            results.append({"name": name, "value": value, "target": target, "result": verdict})
    if not wanted:
        text = json.dumps(results, indent=2) + "\n"
        (Path(__file__).parent / "results.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
