"""Import of the runtime, compiled, against numpy and httpx alone."""

from __future__ import annotations

import compileall
import statistics
import subprocess
import sys
from pathlib import Path

import routelab

PAIRS = 15


def run() -> list[tuple[str, float, str, bool]]:
    """Median of ratios over alternating pairs of fresh processes."""
    for package in (routelab.__file__, *(_file(name) for name in ("numpy", "httpx", "msgspec"))):
        compileall.compile_dir(Path(package).parent, quiet=2)
    ratios = []
    for _ in range(PAIRS):
        base = _seconds("import numpy, httpx")
        ratios.append(_seconds("import routelab.runtime") / base)
    ratio = statistics.median(ratios)
    return [("import_runtime_ratio_to_numpy_httpx", ratio, "<=1.5", ratio <= 1.5)]


def _file(name: str) -> str:
    module = __import__(name)
    return str(module.__file__)


def _seconds(statement: str) -> float:
    code = (
        f"import time; start = time.perf_counter()\n{statement}\nprint(time.perf_counter() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
