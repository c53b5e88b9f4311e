"""Names of files that command terminals, Markdown and markup are shown as the text they are."""

from __future__ import annotations

import json
import re

import pytest
from cli_world import rows_of, save

ODD = "[/]\x1b[31m\u202e<b>`*|"
"""Closes what is not open, colours, turns, and is markup of three sorts."""


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"small": f"small{ODD}", "large": f"large{ODD}"}
    rows = [
        {**row, "model": names.get(row["model"], row["model"]), "task": ODD} for row in rows_of()
    ]
    return save(tmp_path / "log.csv", rows)


@pytest.mark.slow
def test_commands_show_names_as_text(run, world, tmp_path):
    def shown(*arguments):
        done = run(*arguments)
        assert done.status in (0, 1, 2), done.err
        assert "Traceback" not in done.err
        for text in (done.out, done.err):
            assert "\x1b" not in text
            assert "\u202e" not in text
        return done

    tune = ("tune", world, "--signal", "sure:1", "--policy", "cascade", "--trials", 4)
    assert "\\x1b[31m" in shown(*tune, "--out", "p.policy").out
    first = json.loads(shown("data", "describe", world, "--json").out)
    assert repr(ODD)[1:-1] in str(first)  # the same values
    for command in (
        ("data", "describe", world),
        ("inspect", "p.policy", "--verify"),
        ("replay", "p.policy", "--log", world),
        ("explain", "p.policy", "--log", world, "--id", rows_of()[0]["request_id"]),
        ("diff", "p.policy", "p.policy", "--log", world),
        ("certify", "p.policy", "--log", world),
        ("route", "p.policy", "hello"),
        ("report", "p.policy", "--out", "r.html"),
    ):
        shown(*command)
    card = (tmp_path / "p.policy" / "card.md").read_text(encoding="utf-8")
    assert "\x1b" not in card
    assert "\u202e" not in card
    assert "<b>" not in re.sub(r"(`+) .*? \1", "", card)  # code is no markup
