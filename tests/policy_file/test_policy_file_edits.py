"""An edited `policy.json` is used as it stands, and never without a word."""

from __future__ import annotations

import json

import pytest
from directory_world import edit, make
from reference_world import POLICIES, REFERENCES

from routelab.policy_file import load
from routelab.policy_file.__main__ import main


def threshold(policy):
    policy["policy"]["thresholds"][0] += 0.2


def price(policy):
    policy["catalogue"]["models"]["middle"]["input_usd_per_mtok"] = 9.0


def seed(policy):
    policy["seed"] += 1


def figure(policy):
    policy["evaluation"]["verdict"] = "ship, whatever they say"


@pytest.mark.parametrize("change", [threshold, price, seed, figure])
def test_any_edit_shows(tmp_path, change):
    path = tmp_path / "a.policy"
    make(path)
    assert load(path).edited is None
    edit(path, change)
    loaded = load(path)
    told = f"{path}/policy.json: was edited after it was written "
    assert loaded.edited.startswith(told)
    differing = len(loaded.verify())
    assert f"({differing} of 32 golden decisions differ)" in loaded.edited
    assert (differing > 0) == (change is threshold)


def test_another_layout_is_no_edit(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    said = json.loads((path / "policy.json").read_text())
    (path / "policy.json").write_text(json.dumps(dict(reversed(said.items())), indent=7))
    assert load(path).edited is None


def test_golden_decisions_alone_tell_on_a_directory_without_a_hash_of_its_policy(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    edit(path, lambda policy: policy["files"].pop("policy.json"))
    assert load(path).edited is None
    edit(path, threshold)
    assert "was edited after it was written, or this machine reckons" in load(path).edited


@pytest.mark.parametrize("kind", REFERENCES)
def test_released_directories_are_as_they_were_written(kind):
    assert load(POLICIES / f"reference-{kind}.policy").edited is None


def test_the_base_install_says_so_too(tmp_path, capsys):
    path = tmp_path / "a.policy"
    make(path)
    edit(path, price)
    assert main([str(path)]) == 0
    assert capsys.readouterr().err == f"warning: {load(path).edited}\n"
