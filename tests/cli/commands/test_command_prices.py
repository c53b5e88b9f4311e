"""`routelab prices`, as somebody runs it who has downloaded a price list."""

from __future__ import annotations

import json

import pytest

from routelab.core.catalogue import catalogue_file

LISTED = {
    "gpt-x": {
        "litellm_provider": "north",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06,
        "input_cost_per_token_batches": 1.25e-06,
        "input_cost_per_token_above_200k_tokens": 5e-06,
        "input_cost_per_audio_token": 4e-05,
    },
    "gpt-y": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
    "gpt-z": {"input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06},
}
DATED = """
[models.a]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 1.0
[[models.a.dated]]
from = 2026-06-01
input_usd_per_mtok = 3.0
output_usd_per_mtok = 1.0
"""


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "list.json"
    path.write_text(json.dumps(LISTED))
    return path


def test_prices_are_shown_with_all_that_they_hang_on(run, listed):
    shown = run.ok("prices", listed, "gpt-x")
    for words in ("gpt-x", "above 200,000 tokens", "batch", "1.25"):
        assert words in shown.out
    assert "note: gpt-x: not read: input_cost_per_audio_token" in shown.err
    data = run.ok("prices", listed, "north/gpt-x", "gpt-y@high", "--json").data
    assert data["form"] == "litellm"
    assert data["models"]["north/gpt-x"]["tiers"] == [
        {"above_tokens": 200000, "input_usd_per_mtok": 5.0}
    ]
    assert data["models"]["gpt-y@high"]["input_usd_per_mtok"] == 1.0


def test_a_list_becomes_a_catalogue_of_one_day(run, tmp_path):
    dated, out = tmp_path / "dated.toml", tmp_path / "day.toml"
    dated.write_text(DATED)
    run.ok("prices", dated, "a", "--at", "2026-05-31", "--out", out)
    model = catalogue_file.read(out).model("a")
    assert (model.input_usd_per_mtok, model.dated) == (1.0, ())
    data = run.ok("prices", dated, "--at", "2026-06-01", "--json").data
    assert data["models"]["a"]["input_usd_per_mtok"] == 3.0
    assert "is there already; name a new file" in run.refused("prices", dated, "--out", out)


def test_what_is_not_known_or_costs_nothing_possible_is_refused_together(run, listed, tmp_path):
    out = tmp_path / "x.toml"
    said = run.refused("prices", listed, "gpt-xx", "nothing", "gpt-z", "--out", out)
    assert "no price of 'gpt-xx'; the nearest name is 'gpt-x'" in said
    assert "no price of 'nothing'" in said
    assert "gpt-z: input_usd_per_mtok is -1.0; a price is finite and not negative" in said
    assert not out.exists()
    assert "no model has 'opus' in its name" in run.refused("prices", listed, "--find", "opus")
    assert "write a day such as" in run.refused("prices", listed, "gpt-x", "--at", "autumn")
    assert run.ok("prices", listed, "--find", "GPT-Y", "--json").data["models"].keys() == {"gpt-y"}


def test_a_candidate_is_written_with_its_base(run, tmp_path):
    known, out = tmp_path / "models.toml", tmp_path / "out.toml"
    known.write_text(
        "[models.a]\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0\n"
        '[models."a@low"]\nbase = "a"\nparameters = { reasoning_effort = "low" }\n'
    )
    run.ok("prices", known, "a@low", "--out", out)
    assert catalogue_file.read(out) == catalogue_file.read(known)
