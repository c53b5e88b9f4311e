"""The modules of routelab as text: what they import, define and offer."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[3]
SOURCE = PROJECT / "src" / "routelab"


@cache
def files() -> tuple[Path, ...]:
    return tuple(sorted(SOURCE.rglob("*.py")))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path: Path) -> str:
    """The path as exceptions name it: from `routelab` on."""
    return path.relative_to(SOURCE).as_posix()


def part(path: Path) -> str:
    """The part of routelab that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def modules() -> dict[str, Path]:
    """Every module of routelab by its dotted name, packages too."""
    return {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in files()
    }


def is_package(name: str) -> bool:
    return modules()[name].name == "__init__.py"


def folder_of(name: str) -> str:
    """The package that a module lies in; a package lies in itself."""
    return name if is_package(name) else name.rpartition(".")[0]


def folders() -> dict[Path, list[Path]]:
    """The modules of each package, without its `__init__`."""
    found = {path.parent: [] for path in files() if path.name == "__init__.py"}
    for path in files():
        if path.name != "__init__.py":
            found[path.parent].append(path)
    return found


def offered(package: str) -> list[str] | None:
    """`__all__` as the file has it; None where there is none."""
    for node in parsed(modules()[package]).body:
        if isinstance(node, ast.Assign) and "__all__" in map(ast.unparse, node.targets):
            return list(ast.literal_eval(node.value))
    return None


class Import(NamedTuple):
    """A name that a module imports from a module or package of routelab, when it is used too.

    Attributes:
        name: "" where the module itself is imported.
    """

    importer: str
    module: str
    name: str


def imports_within() -> Iterator[Import]:
    """Every import of routelab in routelab, for types alone and by `attach` included."""
    there = modules()
    for importer, path in there.items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import):
                yield from (Import(importer, it.name, "") for it in node.names if it.name in there)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                for it in node.names:
                    if (whole := f"{node.module}.{it.name}") in there and not is_package(whole):
                        offers = offered(str(node.module)) or ()
                        named = it.name in offers and is_package(str(node.module))
                        yield Import(importer, str(node.module) if named else whole, it.name)
                    elif node.module in there:
                        yield Import(importer, node.module, it.name)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "attach":
                homes = ast.literal_eval(node.args[1])
                yield from (
                    Import(importer, f"{importer}.{home}", name)
                    for name, home in homes.items()
                    if home
                )


def imports_outside(path: Path) -> Iterator[tuple[str, bool]]:
    """Top-level packages that a file imports, and whether it does so when it is imported."""
    for node, eager in _statements(parsed(path), eager=True):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name.split(".")[0], eager
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0], eager


def _statements(node: ast.AST, *, eager: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield child, eager
        yield from _statements(child, eager=eager and not (inside or typing))


def literals(path: Path) -> Iterator[str]:
    """Every text in a file, docstrings too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


class Function(NamedTuple):
    """A function as its file has it."""

    name: str
    lines: int
    arguments: int
    comment: str


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, named by the classes and functions it is in."""
    rows = path.read_text(encoding="utf-8").splitlines()

    def inside(node: ast.AST, outer: str) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            name = f"{outer}{child.name}" if named else outer
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _function(name, child, rows)
            yield from inside(child, f"{name}." if named else outer)

    return inside(parsed(path), "")


def _function(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef, rows: list[str]) -> Function:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    n = sum(it is not None and it.arg not in ("self", "cls") for it in every)
    top = min([node.lineno, *(it.lineno for it in node.decorator_list)]) - 1
    above = itertools.takewhile(lambda row: row.lstrip().startswith("#"), reversed(rows[:top]))
    assert node.end_lineno is not None
    return Function(name, node.end_lineno - node.lineno + 1, n, "\n".join(above))
