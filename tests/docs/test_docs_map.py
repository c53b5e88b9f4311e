"""The map has every folder, and what each says of itself today."""

from __future__ import annotations

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
