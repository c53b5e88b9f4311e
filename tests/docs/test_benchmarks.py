"""`python -m benchmarks` works from a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *names]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_named_benchmark_prints_its_figures_beside_their_targets() -> None:
    ended = run("decision")
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert {line[-1] for line in lines} <= {"ok", "below"}
    assert "load_policy_ms" in [line[0] for line in lines]


def test_an_unknown_benchmark_is_named_with_those_there_are() -> None:
    ended = run("decison")
    assert ended.returncode == 2
    assert "decison" in ended.stderr
    assert "decision" in ended.stderr
