"""`routelab lint`: findings as a terminal and a script see them, and what the exit code says."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from routelab.cli import main

SAMPLE = Path(__file__).parents[3] / "datasets" / "sample.parquet"


@pytest.fixture
def clean(tmp_path) -> Path:
    frame = pd.read_parquet(SAMPLE).iloc[:500]
    path = tmp_path / "log.parquet"
    frame.to_parquet(path)
    return path


@pytest.fixture
def corrupted(clean) -> Path:
    frame = pd.read_parquet(clean)
    free = frame["model"] == "large"
    frame.assign(cost_usd=frame["cost_usd"].where(~free), sure=frame["quality"]).to_parquet(clean)
    return clean


def test_a_clean_log_exits_with_nothing_found(clean, capsys):
    assert main(["lint", str(clean), "--signal", "confidence"]) == 0
    assert "log.parquet: nothing found" in capsys.readouterr().out


def test_findings_say_what_they_do_and_how_they_are_mended(corrupted, capsys):
    assert main(["lint", str(corrupted), "--signal", "sure"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "log.parquet: 2 errors" in said
    assert "--prices" in said


def test_json_holds_every_finding(corrupted, capsys):
    assert main(["lint", str(corrupted), "--signal", "sure", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["log"] == "log.parquet"
    by_check = {it["check"]: it for it in found["findings"]}
    assert by_check.keys() == {"label-among-signals", "unknown-price"}
    assert by_check["unknown-price"]["rows"] > 90
    assert len(by_check["unknown-price"]["examples"]) == 3
    assert "--signal sure:knowable" in by_check["label-among-signals"]["mend"]


def test_prices_are_held_against_costs(clean, tmp_path, capsys):
    prices = tmp_path / "prices.csv"
    prices.write_text("model,usd_per_1m_input,usd_per_1m_output\nlarge,50,90\n", encoding="utf-8")
    assert main(["lint", str(clean), "--prices", str(prices), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["check"] == "cost-mismatch"


def test_a_log_that_cannot_be_read_is_another_failure(tmp_path, capsys):
    assert main(["lint", str(tmp_path / "none.parquet")]) == 2
    assert "no such file" in capsys.readouterr().err
