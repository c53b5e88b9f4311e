"""The Python reference has every public name, as it is, and its links lead somewhere."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import runpy
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import routelab

DOCS = Path(__file__).parents[2] / "docs"
python = SimpleNamespace(**runpy.run_path(str(DOCS / "python_reference.py")))
WRITTEN = {it.name: it.read_text(encoding="utf-8") for it in (DOCS / "python").glob("*.md")}
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def faces() -> dict[str, ModuleType]:
    """Every package that lists names, imported."""
    names = ["routelab"]
    names += [it.name for it in pkgutil.walk_packages(routelab.__path__, "routelab.") if it.ispkg]
    found = {name: importlib.import_module(name) for name in names}
    return {name: it for name, it in found.items() if it.__all__}


FACES = faces()


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.M)


def anchor(heading: str) -> str:
    """As the site makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def test_the_pages_are_what_the_packages_say():
    made = python.pages()
    stale = sorted(name for name in {*made, *WRITTEN} if made.get(name) != WRITTEN.get(name))
    assert stale == [], f"docs/python is stale ({stale}): python docs/python_reference.py"


def test_every_package_is_there():
    assert set(python.packages()) == {*FACES, "routelab.errors"}


@pytest.mark.parametrize("package", [it for it in FACES if it != "routelab"])
def test_every_public_name_is_on_the_page_of_its_package(package):
    page = WRITTEN[f"{package.split('.')[1]}.md"]
    for name in FACES[package].__all__:
        if package.count(".") == 1:
            assert f"\n## {python.heading(package, name)}\n" in page
        else:
            chapter = page.split(f"\n## {package}\n")[1].split("\n## ")[0]
            assert re.search(rf"^- `{name}\b", chapter, re.M), f"{package}.{name}"


def test_what_most_people_need_comes_first():
    titles = headings(WRITTEN["index.md"])
    assert titles.index("routelab.Router") < titles.index("All packages")
    shown = {it.rpartition(".")[2] for it in titles}
    for name in routelab.__all__:
        assert name in shown or any(it.startswith(f"routelab.{name}.") for it in titles), name


def test_each_of_the_first_names_has_an_example():
    opening = WRITTEN["index.md"].split("\n## All packages")[0]
    for chapter in opening.split("\n### ")[1:]:
        assert "```pycon\n>>> " in chapter, chapter.splitlines()[0]


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_links_lead_to_a_heading(name):
    titles = {it: headings(text) for it, text in WRITTEN.items()}
    anchors = {it: [anchor(title) for title in found] for it, found in titles.items()}
    assert len(set(anchors[name])) == len(anchors[name]), "two headings have one anchor"
    prose = FENCE.sub("", WRITTEN[name])
    for page, to in re.findall(r"\]\(([\w./-]*)(?:#([^)]*))?\)", prose):
        assert not to or to in anchors[page or name], f"{name} links to {page}#{to}"
        assert (DOCS / "python" / (page or name)).exists()


@pytest.mark.parametrize("package", FACES)
def test_what_is_read_from_the_source_is_what_python_calls(package):
    for name in FACES[package].__all__:
        it = python.definition(package, name)
        value = getattr(FACES[package], name)
        if inspect.isfunction(value) or (inspect.isclass(value) and python.arguments(it)):
            shown = re.findall(r"[\w/*]+", python.call(it, it.name))[1:]
            given = inspect.signature(value).parameters.values()
            told = [each.name for each in given if each.annotation != "Never"]  # misspelt names
            names = [each.lstrip("*") for each in shown if each.strip("*/")]
            assert [each for each in told if not each.startswith("_")] == names, it.name
