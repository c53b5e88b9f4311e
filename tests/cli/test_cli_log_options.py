"""How a log is read and cut, as options say it: what tune does, replay repeats."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routelab.cli import main
from routelab.cli.arguments import names_in
from routelab.cli.flags import with_flags
from routelab.cli.log_input import name_of
from routelab.errors import RoutelabError

ODD = ("gpt-4, turbo", "a b", "-dash", "x=y:1", 'q"uote')


def saved(path: Path, n: int = 300, **columns: Any) -> Path:
    """Answers of two models to n requests, with more columns made of a request's number."""
    rng = np.random.default_rng(4)
    with path.open("w", encoding="utf-8", newline="") as file:
        names = ["request_id", "model", "quality", "cost_usd", "sure", *columns]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for model, rank in (("small", 0), ("large", 1)):
            for at in range(n):
                good = rng.random() < 0.5 + 0.3 * rank
                row = {"request_id": f"r{at}", "model": model, "quality": int(good)}
                row |= {"cost_usd": 10.0 ** (rank - 4), "sure": good * 0.3 + rng.random()}
                writer.writerow(row | {name: made(at) for name, made in columns.items()})
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(list(arguments)) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


DAYS = {
    "four days": {"timestamp": lambda at: f"2024-05-0{1 + at // 75}"},
    "times": {"timestamp": lambda at: 1e9 + at},
    "prompts alike": {"prompt": lambda at: (" Ask ME ", "ask me")[at % 2] + str(at // 4)},
}


@pytest.mark.parametrize("columns", DAYS.values(), ids=list(DAYS))
@pytest.mark.parametrize("split", ["random", None])
def test_replay_finds_the_test_part_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: dict[str, Any],
    split: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    log = saved(tmp_path / "log.csv", **columns)
    asked = [] if split is None else ["--split", split]
    told = run(
        capsys, "tune", str(log), "--policy", "cascade", "--trials", "5",
        "--no-tracking", "--no-report",
        "--signal", "sure:1", "--json", *asked,
    )  # fmt: skip
    in_time = split is None and "timestamp" in columns
    assert told["splits"]["rule"] == ("time" if in_time else "random")
    (figures,) = run(capsys, "replay", "log.policy", "--log", str(log), "--json")
    assert figures["n_requests"] == told["splits"]["n"]["test"]
    assert figures["quality"] == told["test"]["quality"]
    tied = any("a hash decides" in it for it in told["reasons"])
    assert tied == (in_time and columns is DAYS["four days"])


def test_a_sheet_of_grades_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "grades.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["id", *ODD, "judge"], *([f"r{at}", 1, 2, 3, 4, 5, 9] for at in range(4))]
        )
    asked = ",".join('"{}"'.format(name.replace('"', '""')) for name in ODD)
    told = run(
        capsys, "data", "describe", str(path), "--models", asked, "--quality-scale", "1:5",
        "--ignore", "judge", "--json",
    )  # fmt: skip
    assert [told["models"][name]["quality"] for name in ODD] == [0, 0.25, 0.5, 0.75, 1]
    notes = run(capsys, "data", "describe", str(path), "--json")["notes"]
    (note,) = (it for it in notes if "no model column" in it)
    assert "name those: `models=['MODEL', 'MODEL']`" in note
    assert main(["tune", str(path)]) == 2
    assert "name those: --models MODEL,MODEL" in capsys.readouterr().err


def test_a_list_of_names_may_hold_commas_and_blanks() -> None:
    assert names_in("--models", 'a, "b, c","d ""e""", f') == ("a", "b, c", 'd "e"', "f")
    assert names_in("--models", None) == ()
    for bad in ("a,,b", "", '"a', "a,a", " , "):
        with pytest.raises(RoutelabError, match="--models"):
            names_in("--models", bad)


def test_flags_of_the_way_out_can_be_typed() -> None:
    assert with_flags("`columns={'request_id': ''}`") == "--column request_id="
    assert with_flags("`ignore=['error']`") == "--ignore error"
    assert with_flags("`quality_scale='1:5'`") == "--quality-scale 1:5"
    assert with_flags("`split='random'`") == "--split random"
    assert with_flags("`models=['a', 'b, c']`") == "--models 'a,\"b, c\"'"


@pytest.mark.parametrize("name", ["log [red].csv", "a*b.csv", "a?b.csv", "x#y%20.csv", "-x.csv"])
def test_a_file_gives_its_own_name_to_its_policy(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, 2)
    assert name_of(path) == name.removesuffix(".csv")
    assert name_of(tmp_path / "*.parquet") == tmp_path.name
    assert name_of(tmp_path) == tmp_path.name
