"""The table of worlds goes on where it stopped, and its worst worlds are held in a few draws."""

from __future__ import annotations

import json

import coverage_table
import pytest
from coverage_world import told
from scipy.stats import binom
from world_figures import FIGURES, PLAIN_SHIP, REFUSED, SHIP, fixed_policy, whole_study

TIMES = 12
UGLY = ("log-normal sigma 2", "spiky", "conversations")
FURTHER = ("rare failures", "models on a line")


@pytest.mark.parametrize(
    "name", [*UGLY, *(pytest.param(it, marks=pytest.mark.slow) for it in FURTHER)]
)
def test_ugly_worlds_are_held(name):
    counts: dict[str, int] = {}
    for seed in range(TIMES):
        found = fixed_policy(name, 1000, seed)
        assert REFUSED not in found
        for figure in FIGURES:
            counts[figure] = counts.get(figure, 0) + found.get(figure, True)
    for figure, count in counts.items():
        assert binom.cdf(count, TIMES, 0.93) > 1e-3, figure


def test_where_the_plain_interval_is_valid_as_much_is_shipped():
    """With 150 requests the gain is shown in some logs and not in others."""
    shipped, plain = 0, 0
    for seed in range(3 * TIMES):
        found = fixed_policy("useful", 150, seed)
        shipped, plain = shipped + found[SHIP], plain + found[PLAIN_SHIP]
    print(f"\n{told('gain shown', shipped, 3 * TIMES)}")  # noqa: T201
    assert abs(shipped - plain) <= 2
    assert 0 < shipped < 3 * TIMES


def test_whole_studies_of_a_worthless_world_ship_nothing():
    found = [whole_study("worthless", 300, seed) for seed in range(4)]
    assert all(set(it) >= {SHIP, "wrong ship", "wrong do not route"} for it in found)
    assert sum(it["wrong ship"] for it in found) <= 1


def test_a_run_goes_on_where_it_stopped(tmp_path, capsys):
    kept = tmp_path / "kept.jsonl"
    asked = ["--worlds", "useful", "--sizes", "60", "--kept", str(kept)]
    coverage_table.main([*asked, "--times", "3"])
    first = kept.read_text()
    with kept.open("a") as file:
        file.write('{"world": "useful", "n": 60, "se')  # stopped in the middle of a line
    coverage_table.main([*asked, "--times", "5"])
    assert kept.read_text().startswith(first)
    seeds = [json.loads(line)["seed"] for line in kept.read_text().splitlines()]
    assert seeds == [0, 1, 2, 3, 4]
    assert "| useful | 60 | 5 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "mode", ["bounds", "saving", pytest.param("tries", marks=pytest.mark.slow)]
)
def test_what_else_whole_studies_say_is_counted(mode, tmp_path, capsys):
    kept = tmp_path / "kept.jsonl"
    asked = [f"--{mode}", "--worlds", "useful", "--sizes", "200", "--times", "1"]
    coverage_table.main([*asked, "--kept", str(kept)])
    held = json.loads(kept.read_text())["held"]
    printed = capsys.readouterr().out
    assert set(coverage_table.RATES[mode]) - {REFUSED} <= set(held)
    assert "| useful | 200 | 1 |" in printed
    if mode == "saving":
        assert 0.0 <= held["saved"] <= held["oracle"]
    if mode == "tries":
        assert not held["some *ship* of ten"]
