"""The table of worlds goes on where it stopped, and its worst worlds are held in a few draws."""

from __future__ import annotations

import json

import coverage_table
import pytest
from fixed_policy_worlds import WORLDS
from scipy.stats import binom

TIMES = 25


@pytest.mark.parametrize(
    "name", ["rare failures", "log-normal sigma 2", "conversations", "hourly shocks"]
)
def test_ugly_worlds_are_held(name):
    true, counts, judged = coverage_table.truth(WORLDS[name]), {}, 0
    for seed in range(TIMES):
        found = coverage_table.held(coverage_table.intervals_of(WORLDS[name], 1000, seed), true)
        assert coverage_table.REFUSED not in found
        judged += 1
        for figure, inside in found.items():
            counts[figure] = counts.get(figure, 0) + inside
    assert set(counts) == set(coverage_table.FIGURES)
    for figure, count in counts.items():
        assert binom.cdf(count, judged, 0.93) > 1e-3, figure


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
