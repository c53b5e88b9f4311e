"""What a policy directory says of packages is anybody's text, and is taken at no more than that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packages_world import described

from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import PolicyFileError
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, Origin, load, write
from routelab.policy_file.card import policy_card

NEEDED = {"version": "1.0", "kinds": ["kind 'always'"]}


@pytest.fixture
def refused(tmp_path):
    """What is said of a policy directory with these packages and this policy."""
    path: Path = tmp_path / "mine.policy"
    wire = to_wire(Fixed("small"))
    write(
        path,
        Document(name="mine", policy=wire, candidates=("small",), catalogue=Catalogue()),
        "# mine\n",
    )
    main = json.loads((path / "policy.json").read_text("utf-8"))

    def said(packages: dict, kind: str = "always") -> tuple[str, ...]:
        changed = {**main, "packages": packages, "policy": {**main["policy"], "kind": kind}}
        (path / "policy.json").write_text(json.dumps(changed), "utf-8")
        with pytest.raises(PolicyFileError) as caught:
            load(path)
        return caught.value.problems

    return said


@pytest.mark.parametrize("name", ["acme\nerror: all is well", "acme\u202e\x1b[31m", "a" * 100_000])
def test_names_are_escaped_and_short(refused, name):
    (said,) = refused({name: NEEDED})
    assert "kind 'always' is brought by the package a" in said
    assert said.isprintable()
    assert len(said) < 800
    (said,) = refused({"acme": {"version": "1\x1b[2J" * 99, "kinds": NEEDED["kinds"]}})
    assert said.isprintable()
    assert len(said) < 800


def test_a_long_list_is_cut_behind_what_is_needed(refused):
    unneeded = {f"p{i}": {"version": "1", "kinds": []} for i in range(3000)}
    (all_said,) = refused({**unneeded, "acme": NEEDED})
    said = all_said.splitlines()
    assert len(said) == 6
    assert "acme 1.0, which is not installed" in said[0]
    assert "and 2,996 more packages" in said[-1]


def test_nothing_is_to_be_installed_that_no_kind_of_the_file_needs(refused):
    for claimed in ("kind 'always'", "kind 'fixed'", "gate 'fixed'"):
        (said,) = refused({"acme": {"version": "1.0", "kinds": [claimed]}}, kind="fixed")
        assert "brings no kind that this policy lacks; take it out of `packages`" in said
        assert "install it" not in said


def test_an_installed_package_without_such_a_kind_is_not_to_be_named(
    refused, tmp_path, monkeypatch
):
    described(tmp_path / "site", "acme", "2.0", {"routelab.policies": {"other": "acme:Other"}})
    monkeypatch.syspath_prepend(tmp_path / "site")
    (said,) = refused({"acme": NEEDED})
    assert "acme 2.0 is installed, and declares no such kind" in said
    assert "packages=" not in said


def test_an_installed_package_is_named_for_what_it_brings_whatever_the_file_says(
    refused, tmp_path, monkeypatch
):
    described(tmp_path / "site", "acme", "1.0", {"routelab.policies": {"always": "acme:Always"}})
    monkeypatch.syspath_prepend(tmp_path / "site")
    (said,) = refused({"acme": {"version": "1.0", "kinds": []}})
    assert "kind 'always' is brought by the package acme 1.0, which is imported only where" in said


def test_a_card_shows_what_is_not_seen():
    document = Document(
        name="mine",
        policy=to_wire(Fixed("small")),
        candidates=("small",),
        catalogue=Catalogue(),
        packages={"acme\x1b[31m": Origin("1\n# x", ("kind 'a'",))},
    )
    assert "\x1b" not in policy_card(document)
