"""Run every benchmark: prints `name value target ok|below`, writes `results.json` beside this."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

MODULES = (
    "bench_replay",
    "bench_open",
    "bench_decision",
    "bench_import",
    "bench_report",
    "bench_study",
    "bench_demo",
    "bench_learning",
    "bench_operations",
    "bench_runtime",
    "bench_transport",
    "bench_simulate",
    "bench_tuning",
    "bench_scan",
)


def main() -> int:
    results = []
    for module in MODULES:
        for name, value, target, ok in import_module(f"benchmarks.{module}").run():
            verdict = "ok" if ok else "below"
            print(f"{name} {value:.4g} {target} {verdict}", flush=True)
            results.append({"name": name, "value": value, "target": target, "result": verdict})
    text = json.dumps(results, indent=2) + "\n"
    (Path(__file__).parent / "results.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
