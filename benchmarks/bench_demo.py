"""`routelab demo` in a fresh process, parity over HTTP included."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run() -> list[tuple[str, float, str, bool]]:
    seconds = statistics.median(_demo() for _ in range(3))
    return [("demo_seconds", seconds, "<60", seconds < 60)]


def _demo() -> float:
    code = "import sys; from routelab.cli import main; sys.exit(main())"
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "demo.policy")
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code, "demo", "--out", out, "--json"],
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - start
