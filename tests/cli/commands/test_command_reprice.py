"""`routelab reprice`, as somebody runs it who has read of new prices."""

from __future__ import annotations

import pytest


@pytest.fixture
def asked(tuned, sample_file):
    return ("reprice", tuned.policy, "--log", sample_file)


def test_the_new_world_is_told_in_figures_and_as_json(run, asked, tuned):
    moved = ("--price", "frontier=2", "--latency", "large=0.5")
    text, data = run.ok(*asked, *moved).out, run.ok(*asked, *moved, "--json").data
    for words in (
        "frontier costs 2 times as much", "large takes 0.5 times as long", "before", "after",
        "retuned", "verdict: ", "may cost, times", "The new front on tune", "tuned again",
    ):  # fmt: skip
        assert words in text
    assert data["before"]["quality"] == tuned.study.figures.quality
    assert data["after"]["usd_per_1k"] > data["before"]["usd_per_1k"]
    assert data["retuned"]["word"] in ("keep", "retune", "open")
    assert data["escalations"][0]["break_even"] is not None


def test_a_price_list_may_be_toml_or_csv(run, asked, sample_file, tmp_path):
    toml = sample_file.with_name("sample.models.toml")
    same = run.ok(*asked, "--prices", toml, "--no-retune", "--json").data
    assert same["before"] == same["after"]
    assert same["retuned"] is None
    listed = tmp_path / "new.csv"
    listed.write_text("model,usd_per_1m_input,usd_per_1m_output\nfrontier,0,0\nother,1,1\n")
    free = run.ok(*asked, "--prices", listed, "--no-retune", "--json").data
    assert free["after"]["usd_per_1k"] < free["before"]["usd_per_1k"]
    assert free["changes"] == ["list prices of frontier are new"]


def test_what_makes_no_sense_is_refused(run, asked):
    said = run.refused(*asked, "--price", "frontier", "--price", "large=dear")
    assert "--price frontier: write it as MODEL=FACTOR" in said
    assert "--price large=dear" in said
    assert "is no candidate" in run.refused(*asked, "--drop", "nobody")
    assert "no train" not in run.refused(*asked, "--split", "half")
