"""Imports point down and never go round in circles."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from sources_world import PROJECT, files, imports_within, modules, part


def circles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """A chain of modules for each import that closes a circle, found depth first."""
    done: set[str] = set()

    def walk(name: str, chain: tuple[str, ...]) -> Iterator[str]:
        if name in chain:
            yield " -> ".join((*chain[chain.index(name) :], name))
        elif name not in done:
            for other in sorted(graph[name]):
                yield from walk(other, (*chain, name))
            done.add(name)

    for name in sorted(graph):
        yield from walk(name, ())


def test_imports_point_down():
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--config", str(PROJECT / "pyproject.toml"), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_every_folder_of_modules_is_a_package():
    without = {path.parent for path in files() if not (path.parent / "__init__.py").exists()}
    assert without == set(), "import-linter does not look into a folder without __init__.py"


def test_every_part_has_its_layer():
    config = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        it
        for it in config["tool"]["importlinter"]["contracts"]
        if it["type"] == "layers" and it["containers"] == ["routelab"]
    )
    assert contract["exhaustive"]
    listed = {name.strip(" ()") for layer in contract["layers"] for name in layer.split("|")}
    assert {part(path) for path in files()} - {"__init__"} <= listed


def test_no_imports_go_round_in_circles():
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for it in imports_within():
        whole = f"{it.module}.{it.name}"
        graph[it.importer].add(whole if whole in graph else it.module)
    for name, others in graph.items():
        others.discard(name)
    assert list(circles(graph)) == []


def test_a_circle_is_told_as_a_chain():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert list(circles(graph)) == ["b -> c -> b"]
