"""Names are nouns, mean one thing, and folders are small enough to be taken in."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from exceptions import LARGE_FOLDERS, NO_NOUNS, SAME_CLASS_NAMES, VAGUE_NAMES
from sources_world import PROJECT, SOURCE, files, folders, parsed, short

MOST_MODULES = 17
"""Of a folder, without its `__init__`."""

PARTICIPLE = re.compile(r"(?<!e)ed$")
"""Ends `judged` and `bounded`, and neither `speed` nor `seed`."""

NOT_NOUNS = {
    "abreast", "alone", "found", "given", "held", "kept", "known", "longer", "made", "meant",
    "seen", "shown", "taken", "told", "together", "unseen", "upper", "whole", "written",
}  # fmt: skip
"""Participles that do not end in -ed, adverbs and adjectives that once named modules."""

VAGUE = {
    "base", "common", "data", "extras", "general", "lib", "manager", "other", "others", "shared",
    "stuff", "thing", "things", "tools", "various", "words",
}  # fmt: skip
"""Say nothing of what is in a module; with another noun some of them do."""

VAGUE_PARTS = {"helper", "helpers", "misc", "util", "utils"}
"""Say nothing beside another noun either."""


def names() -> dict[str, str]:
    """What modules and packages are called, by their paths."""
    found = {short(path.with_suffix("")): path.stem for path in files()}
    packages = {short(folder): folder.name for folder in folders() if folder != SOURCE}
    return packages | {path: name for path, name in found.items() if name.strip("_") == name}


def test_modules_are_named_by_nouns():
    found = {
        name
        for name in names().values()
        if name in NOT_NOUNS or PARTICIPLE.search(name.rpartition("_")[2])
    }
    assert found - set(NO_NOUNS) == set()
    assert set(NO_NOUNS) - found == set(), "these are gone: take them off the list"


def test_no_module_has_a_vague_name():
    found = {
        path
        for path, name in names().items()
        if name in VAGUE or VAGUE_PARTS & set(name.split("_"))
    }
    assert found - set(VAGUE_NAMES) == set()
    assert set(VAGUE_NAMES) - found == set(), "these are gone: take them off the list"


def test_no_two_public_classes_have_one_name():
    found = Counter(
        node.name
        for path in files()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    twice = {name for name, n in found.items() if n > 1}
    assert twice - SAME_CLASS_NAMES == set()
    assert SAME_CLASS_NAMES - twice == set(), "these are gone: take them off the list"


def test_a_folder_is_taken_in_at_a_glance():
    large = {short(folder) for folder, held in folders().items() if len(held) > MOST_MODULES}
    assert large - set(LARGE_FOLDERS) == set(), "make folders of it, each for one question"
    assert set(LARGE_FOLDERS) - large == set(), "these are small now: take them off the list"


def test_tests_are_where_the_sources_are():
    """Beside them are `suites`, of the whole system, and `docs`."""
    tests = PROJECT / "tests"
    held: set[Path] = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    mirrored = {path for path in held if path.parts[:1] not in (("suites",), ("docs",))}
    assert {path for path in mirrored if not (SOURCE / path / "__init__.py").exists()} == set()
    suites = {path.parts[1] for path in held if path.parts[:1] == ("suites",)}
    assert suites == {
        "architecture", "faults", "foreign_records", "hostile", "interval_coverage", "released",
        "sanitizers", "service", "soak", "supply",
    }  # fmt: skip
