"""The table of results on public logs: each row is what its command prints today."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

DOCS = Path(__file__).parents[2] / "docs"
results = SimpleNamespace(**runpy.run_path(str(DOCS / "results.py")))
SHOWN = results.between((DOCS / "results.md").read_text(encoding="utf-8"))


def shown(at: int) -> list[str]:
    """The cells of a row of the page."""
    (line,) = (it for it in SHOWN.splitlines() if it.startswith(f"| {at} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_row_has_its_command_and_every_command_its_row():
    commands = [line for line in SHOWN.splitlines() if line.startswith("routelab ")]
    assert commands == [f"{row.command}    # row {at}" for at, row in enumerate(results.ROWS, 1)]
    for at, row in enumerate(results.ROWS, 1):
        assert shown(at)[1:3] == [f"`{row.log}`", row.asked]


def each():
    """Rows by number; those that learn take minutes."""
    for at, row in enumerate(results.ROWS, 1):
        yield pytest.param(at, marks=[pytest.mark.slow] if row.learns else [])


@pytest.mark.parametrize("at", list(each()))
def test_a_row_is_what_its_command_prints(at, real_log):
    row = results.ROWS[at - 1]
    logs = real_log(f"{row.log}.parquet").parent
    assert shown(at)[1:] == results.cells(row, logs), "python docs/results.py measures it again"


def test_kinds_that_are_compared_have_their_tables_and_commands():
    page = results.CHOOSING.read_text(encoding="utf-8")
    shown = results.between(page)
    commands = [line for line in shown.splitlines() if line.startswith("routelab ")]
    assert commands == [row.command for row in results.AUTO]


@pytest.mark.slow
@pytest.mark.parametrize("row", results.AUTO, ids=lambda row: row.log)
def test_a_comparison_is_what_its_command_prints(row, real_log):
    logs = real_log(f"{row.log}.parquet").parent if row.folder == "data" else results.BESIDE
    shown = results.between(results.CHOOSING.read_text(encoding="utf-8"))
    assert results.compared([row], logs).strip() in shown
