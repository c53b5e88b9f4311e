"""A public docstring says shapes, errors, arguments and fields, so that nobody reads the source."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

DOCS = Path(__file__).parents[2] / "docs"
python = SimpleNamespace(**runpy.run_path(str(DOCS / "python_reference.py")))

ARRAYS = {"Floats", "Ints", "Bools", "Strings"}
SHAPE = re.compile(r"\(\w[\w +*/()-]*,[\w ,.+*/()-]*\)")
"""Axes by name, such as (n,), (n, m - 1) or (len(rows), k)."""
MANY = 3
"""Arguments that need a word each."""
SOURCES = sorted((DOCS.parent / "src" / "routelab").rglob("*.py"))
ENTRIES = re.compile(r"^(?:Args|Attributes):\n((?:(?: {4}.*)?\n)+)", re.M)
ENTRY = re.compile(r"^ {4}((?:\w+, )*\w+):", re.M)


def gaps(name: str, node: ast.AST) -> Iterator[str]:
    """What a class or a function fails to say, in words."""
    if isinstance(node, ast.ClassDef):
        yield from class_gaps(name, node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from function_gaps(name, node)


def function_gaps(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    text = python.docstring(node)
    if not text:
        yield f"{name}: no docstring"
        return
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    given = [it for it in given if it.arg not in ("self", "cls")]
    if any(map(has_arrays, [*(it.annotation for it in given), node.returns])):
        yield from shape_gaps(name, text)
    for error in sorted(raised(node)):
        if error not in text:
            yield f"{name}: raises {error}, unsaid"
    if len(given) >= MANY and "Args:" not in text:
        yield f"{name}: no Args for {', '.join(it.arg for it in given)}"


def class_gaps(name: str, node: ast.ClassDef) -> Iterator[str]:
    text = python.docstring(node)
    if not text:
        yield f"{name}: no docstring"
        return
    fields = list(python.fields(node))
    if any(has_arrays(it.annotation) for it in fields):
        yield from shape_gaps(name, text)
    said = [it for it in fields if it.target.id in text]
    listed = "Attributes:" in text or "Args:" in text
    if len(fields) > 1 and not listed and 2 * len(said) < len(fields):
        yield f"{name}: no Attributes for {', '.join(it.target.id for it in fields)}"
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = " ".join(map(ast.unparse, method.decorator_list))
            plain = not re.search("property|overload|setter", decorators)
            if plain and not method.name.startswith("_") and python.docstring(method):
                yield from function_gaps(f"{name}.{method.name}", method)


def shape_gaps(name: str, text: str) -> Iterator[str]:
    if not SHAPE.search(text):
        yield f"{name}: arrays without their axes, such as (n,) or (n, m)"


def has_arrays(annotation: ast.AST | None) -> bool:
    return annotation is not None and any(
        isinstance(it, ast.Name) and it.id in ARRAYS for it in ast.walk(annotation)
    )


def raised(node: ast.AST) -> set[str]:
    """Errors that are raised in so many words."""
    found = (it.exc for it in ast.walk(node) if isinstance(it, ast.Raise))
    names = (ast.unparse(it.func).rpartition(".")[2] for it in found if isinstance(it, ast.Call))
    return {it for it in names if it.endswith("Error")} - {"AttributeError"}


def parts() -> list[str]:
    return [it.split(".")[1] for it in python.pages_of()]


@pytest.mark.parametrize("part", parts())
def test_public_docstrings_say_what_a_reader_needs(part):
    missing = {
        gap
        for package in python.family(f"routelab.{part}")
        for name in python.public_names(package)
        for it in [python.definition(package, name)]
        if it.module.split(".")[1] == part
        for gap in gaps(f"{it.module}.{it.name}", it.node)
    }
    assert sorted(missing) == []


def named(node: ast.AST) -> set[str]:
    """Arguments of a function; fields, arguments and attributes of a class."""
    names = {it.arg for it in ast.walk(node) if isinstance(it, ast.arg)}
    if isinstance(node, ast.ClassDef):
        stored = [it for it in ast.walk(node) if isinstance(it, ast.Attribute | ast.Name)]
        names |= {it.attr if isinstance(it, ast.Attribute) else it.id for it in stored}
        names |= {it.name for it in node.body if isinstance(it, ast.FunctionDef)}
    return names


def strangers(path: Path) -> Iterator[str]:
    """Entries of docstrings that are no argument and no field, as a renamed one leaves behind."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            listed = "".join(ENTRIES.findall((ast.get_docstring(node) or "") + "\n"))
            told = {name for it in ENTRY.findall(listed) for name in it.split(", ")}
            yield from (f"{path.name}: {node.name}: {it}" for it in sorted(told - named(node)))


def test_docstrings_list_what_there_is():
    assert [it for path in SOURCES for it in strangers(path)] == []


def test_a_renamed_argument_is_named(tmp_path):
    stale = tmp_path / "stale.py"
    stale.write_text(
        'def act(now):\n    """Act.\n\n    Args:\n        now, old: both.\n    """\n', "utf-8"
    )
    assert list(strangers(stale)) == ["stale.py: act: old"]


def test_what_is_missing_is_named():
    source = '''
class Silent:
    """A thing."""

    a: int
    b: Floats

    def act(self, one, two, three) -> Ints:
        """Act."""
        if one:
            raise errors.LogError("no")
        raise AttributeError("never told")

def bare(): ...

def good(values: Floats) -> Floats:
    """The values (n,), again."""
'''
    silent, bare, good = ast.parse(source).body
    assert list(gaps("Silent", silent)) == [
        "Silent: arrays without their axes, such as (n,) or (n, m)",
        "Silent: no Attributes for a, b",
        "Silent.act: arrays without their axes, such as (n,) or (n, m)",
        "Silent.act: raises LogError, unsaid",
        "Silent.act: no Args for one, two, three",
    ]
    assert list(gaps("bare", bare)) == ["bare: no docstring"]
    assert list(gaps("good", good)) == []
