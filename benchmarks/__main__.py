"""Run every benchmark: prints `name value target ok|below`, writes `results.json` beside this."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

Row = tuple[str, float, str, bool]

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


def fresh(module: str) -> list[Row]:
    """What a benchmark measures in a process of its own, whose memory nothing else has used."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(measured, module).result()


def measured(module: str) -> list[Row]:
    return list(import_module(f"benchmarks.{module}").run())


def main() -> int:
    results = []
    for module in MODULES:
        for name, value, target, ok in fresh(module):
            verdict = "ok" if ok else "below"
            print(f"{name} {value:.4g} {target} {verdict}", flush=True)
            results.append({"name": name, "value": value, "target": target, "result": verdict})
    text = json.dumps(results, indent=2) + "\n"
    (Path(__file__).parent / "results.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
