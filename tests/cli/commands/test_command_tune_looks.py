"""Studies of one log are counted beside it, and the first screen says which one this is."""

from __future__ import annotations

import pytest
from cli_world import rows_of, save

QUICK = ("--signal", "sure:1", "--policy", "cascade", "--trials", 3, "--no-report", "--no-tracking")


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.delenv("ROUTELAB_LOOKS")
    return save(tmp_path / "log.csv", rows_of(400))


def test_the_first_screen_says_which_study_it_is(run, log, tmp_path):
    first = run.ok("tune", log, *QUICK, "--out", "a.policy")
    assert "judged on these test requests" not in first.out
    second = run.ok("tune", log, *QUICK, "--seed", 1, "--out", "b.policy", "--json").data
    assert second["look"]["number"] == 2
    assert any("the 2nd study judged on these test requests" in it for it in second["reasons"])
    again = run.ok("tune", log, *QUICK, "--out", "c.policy", "--json").data
    assert "look" not in again
    third = run.ok("tune", log, *QUICK, "--seed", 2, "--out", "d.policy")
    assert "the 3rd study judged on these test requests" in " ".join(third.out.split())
    assert len((tmp_path / "log.csv.looks").read_text().splitlines()) == 3


def test_another_ledger_may_be_named_and_one_that_cannot_be_written_is_told(run, log, tmp_path):
    run.ok("tune", log, *QUICK, "--out", "a.policy", "--looks", tmp_path / "team.looks")
    assert (tmp_path / "team.looks").exists()
    assert not (tmp_path / "log.csv.looks").exists()
    closed = tmp_path / "log.csv" / "x"  # no folder
    gone = run.ok("tune", log, *QUICK, "--out", "b.policy", "--looks", closed)
    assert "is not counted: x cannot be written" in " ".join(gone.out.split())
    assert "--looks names another file" in " ".join(gone.out.split())


def test_ledgers_may_have_a_folder_of_their_own(run, log, tmp_path, monkeypatch):
    monkeypatch.setenv("ROUTELAB_LOOKS", str(tmp_path / "ledgers"))
    for seed in range(2):
        said = run.ok("tune", log, *QUICK, "--seed", seed, "--out", f"{seed}.policy").out
    assert "the 2nd study judged on these test requests" in " ".join(said.split())
    (kept,) = (tmp_path / "ledgers").iterdir()
    assert kept.name.startswith("log.csv.")
    assert not (tmp_path / "log.csv.looks").exists()
