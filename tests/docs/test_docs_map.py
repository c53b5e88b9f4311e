"""The map has every folder, and what each says of itself today."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "src" / "routelab"
guide = SimpleNamespace(**runpy.run_path(str(PROJECT / "docs" / "map.py")))


def test_the_map_is_what_the_packages_say():
    written = (PROJECT / "MAP.md").read_text(encoding="utf-8")
    assert written == guide.page(), "MAP.md is stale: python docs/map.py"


def test_every_folder_is_on_the_map():
    page = guide.page()
    there = {path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("__init__.py")}
    assert [name for name in there - {"."} if f"| [`{name}`]" not in page] == []


def test_a_docstring_that_begins_with_no_sentence_is_named(tmp_path):
    (tmp_path / "__init__.py").write_text('"""Half a\nsentence."""', "utf-8")
    with pytest.raises(ValueError, match="no sentence of one line: 'Half a'"):
        guide.meaning(tmp_path)


CONTRIBUTING = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|`]+) \| `([^|]+)` \| ([^|]+) \| ([^|]+) \|$", CONTRIBUTING, re.M)


@pytest.mark.parametrize(("new", "file", "registry", "suite"), ROWS, ids=[row[0] for row in ROWS])
def test_where_something_new_goes_is_there(new, file, registry, suite):
    folder = (SOURCE / file).parent
    assert folder.is_dir()
    named = re.findall(r"`([\w/]+\.py)`", registry)
    homes = [(folder if "in its" in registry else SOURCE) / name for name in named]
    if name := re.match(r"`([A-Z]+|__all__)`", registry):
        assert f"\n{name[1]}" in homes[0].read_text(encoding="utf-8")
    assert all(home.exists() for home in homes)
    for path in re.findall(r"`(tests/[\w/.]+)`", suite):
        assert "NAME" in path or (PROJECT / path).exists(), path
    if name := re.match(r"`(\w+Conformance)`", suite):
        assert name[1] in (SOURCE / "testing" / "__init__.py").read_text(encoding="utf-8")


def test_the_table_of_new_things_was_read():
    table = CONTRIBUTING.split("## Where something new goes")[1].split("Still to come")[0]
    assert len(ROWS) == table.count("\n|") - 2 > 10
