"""Run commands as a user does, and look at what they printed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from routelab.cli import main


class Done(NamedTuple):
    """A finished command."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as JSON, which must be all that is on it."""
        return strict_json(self.out)


def strict_json(text: str) -> Any:
    """JSON as the standard has it: without NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


class Commands:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Done:
        self._capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        return Done(status, printed.out, printed.err)

    def ok(self, *arguments: object) -> Done:
        """A command that must succeed."""
        done = self(*arguments)
        assert done.status == 0, done.err
        return done

    def refused(self, *arguments: object) -> str:
        """The complaint of a command that must fail as a user's mistake does."""
        done = self(*arguments)
        assert done.status == 2, done
        assert done.out == ""
        assert "Traceback" not in done.err
        assert done.err.strip()
        return done.err


def run_once(folder: Path, *arguments: object) -> Done:
    """A command that must succeed, run in a folder that the tests of a module share.

    The looks that it counts are that folder's own.
    """
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setenv("ROUTELAB_LOOKS", str(folder / "looks"))
        status = main([str(argument) for argument in arguments])
    assert status == 0, err.getvalue()
    return Done(status, out.getvalue(), err.getvalue())


Row = dict[str, Any]


def rows_of(n: int = 300, models: Sequence[str] = ("small", "large"), seed: int = 0) -> list[Row]:
    """A log in long form, on which a cascade is worth having."""
    rng = np.random.default_rng(seed)
    rows = []
    for request in range(n):
        for rank, model in enumerate(models):
            right = bool(rng.random() < 0.6 + 0.3 * rank)
            rows.append(
                {
                    "request_id": f"r{request:04d}",
                    "model": model,
                    "quality": float(right),
                    "cost_usd": round(1e-4 * 8.0**rank * float(rng.uniform(0.5, 1.5)), 9),
                    "sure": round(float(0.4 * right + 0.6 * rng.random()), 6),
                    "prompt": f"question {request}",
                }
            )
    return rows


def changed(rows: list[Row], index: int, **values: Any) -> list[Row]:
    """The rows with some values of one of them changed."""
    return [{**row, **values} if i == index else row for i, row in enumerate(rows)]


def without(rows: list[Row], *columns: str) -> list[Row]:
    """The rows with columns left out."""
    return [{k: v for k, v in row.items() if k not in columns} for row in rows]


def save(path: Path, rows: Sequence[Row]) -> Path:
    """Rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def asking(log: Path, signal: str = "sure") -> Path:
    """The log, with a sidecar that asks for a signal and does not say what it costs."""
    log.with_name(f"{log.stem}.log.toml").write_text(f"[signals.{signal}]\n", encoding="utf-8")
    return log


def left_behind(folder: Path, *but: Path) -> list[str]:
    """What else a folder holds, hidden files included."""
    return sorted(path.name for path in folder.iterdir() if path not in but)
