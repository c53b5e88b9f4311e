"""How packages are found by name, where some that are installed are broken."""

from __future__ import annotations

import pytest
from packages_world import FIXED, always, described, installed

from routelab import policies
from routelab.core import packages
from routelab.core.packages import use, use_listed
from routelab.errors import PackageError, PolicyError
from routelab.policy_file import load
from routelab.tuning import tune

ALWAYS = FIXED.format(tag="always")


def test_the_name_of_a_distribution_wins_over_what_others_import(site):
    (site / "real.py").write_text(ALWAYS, "utf-8")
    (site / "acme.py").write_text(FIXED.format(tag="other"), "utf-8")
    described(site, "acme", "1.0", {"routelab.policies": {"always": "real:Always"}})
    described(site, "zed", "1.0", {"routelab.policies": {"other": "acme:Always"}})
    use("zed")
    use("acme")  # a module of zed is called so, and in use
    assert [it.name for it in packages.used()] == ["zed", "acme"]
    assert policies.from_wire({"kind": "always", "model": "a"}).models_used == ("a",)


def test_what_several_import_names_none_until_one_of_them_is_in_use(site):
    for part in "ab":
        (site / f"{part}.py").write_text(FIXED.format(tag=part), "utf-8")
        (site / "ns").mkdir(exist_ok=True)
        (site / "ns" / f"{part}.py").write_text(FIXED.format(tag=part), "utf-8")
        described(site, f"with-{part}", "1.0", {"routelab.policies": {part: f"ns.{part}:Always"}})
    with pytest.raises(PackageError, match=r"'ns' is part of with-a 1\.0 and with-b 1\.0; name"):
        use("ns")
    use("ns.a")
    use("ns")
    assert [it.name for it in packages.used()] == ["with-a"]


BROKEN = [
    ("METADATA", b"Metadata-Version: 2.1\n"),
    ("METADATA", b"Metadata-Version: 2.1\nName: broken\n"),
    ("entry_points.txt", b"[routelab.policies]\nx = :no\n"),
    ("entry_points.txt", b"[routelab.policies]\nx = \n"),
    ("entry_points.txt", b"[routelab.policies]\nx\n"),
    ("entry_points.txt", b"[routelab.policies]\nx = broken X\n"),
    ("entry_points.txt", b"\xff\xfe\x00[routelab.policies]"),
    ("entry_points.txt", b"nonsense\n"),
]


@pytest.mark.parametrize(("file", "content"), BROKEN)
def test_a_broken_distribution_harms_only_who_names_it(site, file, content):
    installed(site, "broken", ALWAYS, policies="x = broken:Always")
    (site / "broken-1.0.dist-info" / file).write_bytes(content)
    always(site, "acme")
    assert "acme" in packages.installed()
    assert "broken" not in packages.installed()
    with pytest.raises(PolicyError, match=r"installed package acme 1\.0"):
        policies.from_wire({"kind": "always", "model": "a"})
    with pytest.raises(PackageError, match="package 'broken'"):
        use("broken")
    use("acme")
    assert [it.name for it in packages.used()] == ["acme"]


@pytest.mark.parametrize("name", [None, 3, b"acme", ["acme"]])
def test_what_is_no_name_is_refused_with_what_to_give(name):
    with pytest.raises(PackageError, match=r"names: .* give a list of names"):
        use(name)
    with pytest.raises(PackageError, match=r"packages: .* give a list of names"):
        use_listed([name])


@pytest.mark.parametrize("listed", [None, 3, "acme", ""])
def test_what_is_no_list_of_names_is_refused_by_its_argument(listed, tmp_path):
    with pytest.raises(PackageError, match=rf"packages={listed!r}: give a list of names, such"):
        load(tmp_path / "none.policy", packages=listed)
    with pytest.raises(PackageError, match=rf"packages={listed!r}: give a list of names, such"):
        tune(None, None, packages=listed)


def test_a_misspelt_group_is_told_with_the_one_that_was_meant(site):
    installed(site, "acme", ALWAYS, policy="always = acme:Always")
    with pytest.raises(PackageError, match=r"acme 1\.0: .*'routelab\.policy'") as caught:
        use("acme")
    assert "'routelab.policies'" in str(caught.value)
    assert "routelab.tuners" in str(caught.value)
    assert packages.used() == ()
