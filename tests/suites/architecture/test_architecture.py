"""Imports point down, heavy packages stay in their module, and importing little brings little."""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

FLAG = re.compile(r"--[a-z][a-z-]*")
PROJECT = Path(__file__).parents[3]
SOURCE = PROJECT / "src" / "routelab"

HOMES = {
    "pyarrow": "logs",
    "pandas": "logs",
    "optuna": "tuning",
    "httpx": "runtime",
    "mlflow": "tracking",
    "starlette": "replay_server",
    "uvicorn": "replay_server",
    "typer": "cli",
    "rich": "cli",
    "matplotlib": "reports",
    "jinja2": "reports",
    "sklearn": "learning",
    "hypothesis": "testing",
    "pytest": "testing",
    "dask": "",
    "distributed": "replay",  # of the dask extra, when it is asked for
    "aiohttp": "",
    "scipy": "learning",  # which scikit-learn brings
    "tokenizers": "",
}
"""Package to the only part of routelab that may import it; "" for none."""

GUESTS = {
    ("testing/policies.py", "httpx"),  # its transport over ASGI takes the place of a network
    ("tracking/decider.py", "pandas"),  # MLflow hands it data frames, and brings pandas itself
    ("runtime/transport/sender.py", "aiohttp"),  # of the serve extra, when it is asked for
    ("runtime/transport/sender.py", "httpx_aiohttp"),  # likewise
    ("signals/features/wordllama.py", "tokenizers"),  # of the embed extra, when it is asked for
}

FLAGS_ELSEWHERE = {
    "core/messages/install_hint.py": {"--editable"},  # of pip
    "policy_file/__main__.py": {"--package", "--verify"},  # a program of the base
    "reports/canvas.py": {"--ink", "--muted", "--rule", "--paper", "--ours", "--soft", "--loss",
                          "--good"},  # colours of a style sheet
    "reports/chapters/command.py": {"--allow-missing", "--certify", "--column", "--delta",
                                    "--floor", "--models", "--out", "--policy", "--seeds",
                                    "--signal"},  # a command line is what it writes
    "tracking/git.py": {"--verify"},  # of git
}  # fmt: skip
"""Flags outside `cli`, which alone knows the command line; this list may only shrink."""

LIGHT = ("anyio", "numpy", "httpx", "msgspec", "safetensors")
"""What the base install brings."""


MOST_LINES, MOST_ARGUMENTS = 60, 10
"""Of a function, from `def` to its end; `self` is no argument. One with a reason for more has it
in a comment right above, which begins `# Long:` or `# Many arguments:`.
"""

TOO_BIG: set[str] = set()
"""Functions over the limits without a reason; only ever fewer."""


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Top-level packages that a file imports, and whether it does so when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node, eager in _statements(tree, eager=True):
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


def modules() -> dict[str, Path]:
    """Every module of routelab by its dotted name."""
    return {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in files()
    }


def imported_modules(path: Path, there: Mapping[str, Path]) -> set[str]:
    """Modules of routelab that a file imports at any time, for types alone included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {it.name for it in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = (f"{node.module}.{it.name}" for it in node.names)
            found |= {name if name in there else str(node.module) for name in names}
    return found & set(there)


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


class Function(NamedTuple):
    """A function as its file has it."""

    name: str
    lines: int
    arguments: int
    comment: str


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, named by the classes and functions it is in."""
    text = path.read_text(encoding="utf-8")
    rows = text.splitlines()

    def inside(node: ast.AST, outer: str) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            name = f"{outer}{child.name}" if named else outer
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _function(name, child, rows)
            yield from inside(child, f"{name}." if named else outer)

    return inside(ast.parse(text), "")


def _function(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef, rows: list[str]) -> Function:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    n = sum(it is not None and it.arg not in ("self", "cls") for it in every)
    top = min([node.lineno, *(it.lineno for it in node.decorator_list)]) - 1
    above = itertools.takewhile(lambda row: row.lstrip().startswith("#"), reversed(rows[:top]))
    assert node.end_lineno is not None
    return Function(name, node.end_lineno - node.lineno + 1, n, "\n".join(above))


def files() -> Iterator[Path]:
    return (path for path in sorted(SOURCE.rglob("*.py")))


def part(path: Path) -> str:
    """The part of routelab that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


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


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_package_stays_in_its_part(package):
    strangers = [
        str(path.relative_to(SOURCE))
        for path in files()
        if part(path) != HOMES[package]
        and any(name == package for name, _ in imports(path))
        and (path.relative_to(SOURCE).as_posix(), package) not in GUESTS
    ]
    assert strangers == []


def test_the_base_parts_import_only_the_base_install():
    base = {
        "core",
        "errors",
        "lazy",
        "policies",
        "scorers",
        "signals",
        "policy_file",
        "runtime",
        "version",
    }
    allowed = {*sys.stdlib_module_names, *LIGHT, "routelab", "typing_extensions"}
    strangers = {
        (str(path.relative_to(SOURCE)), name)
        for path in files()
        if part(path) in base
        for name, _ in imports(path)
        if name not in allowed and (path.relative_to(SOURCE).as_posix(), name) not in GUESTS
    }
    assert strangers == set()


def test_guests_of_the_base_parts_are_imported_only_when_asked_for():
    eager = {
        (path.relative_to(SOURCE).as_posix(), name)
        for path in files()
        if part(path) in ("runtime", "signals")
        for name, at_import in imports(path)
        if at_import
    }
    assert not eager & GUESTS


def test_only_the_runtime_and_its_wire_know_http_and_only_when_they_route():
    eager = {
        str(path.relative_to(SOURCE))
        for path in files()
        for name, at_import in imports(path)
        if name == "httpx" and at_import
    }
    wire = {"client.py", "closing.py", "leaks.py", "request.py", "sender.py"}
    assert eager <= {f"runtime/transport/{name}" for name in wire}


def literals(path: Path) -> Iterator[str]:
    """Every text in a file, docstrings too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_only_the_commands_speak_of_flags():
    found = {
        path.relative_to(SOURCE).as_posix(): flags
        for path in files()
        if part(path) != "cli"
        and (flags := {it for text in literals(path) for it in FLAG.findall(text)})
    }
    assert found == FLAGS_ELSEWHERE


def loaded_by(statement: str) -> set[str]:
    """Modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_importing_routelab_imports_nothing_of_it():
    found = loaded_by("import routelab; routelab.__version__")
    ours = {name for name in found if name.startswith("routelab")}
    assert ours == {"routelab", "routelab.lazy", "routelab.version"}
    assert not found & set(LIGHT)


def test_importing_the_runtime_brings_no_workbench():
    found = loaded_by("import routelab.runtime")
    assert not found & {*HOMES, "mlflow", "sqlalchemy"} - {"httpx"}
    parts = {name.split(".")[1] for name in found if name.startswith("routelab.")}
    assert not parts & {"cli", "replay_server", "tuning", "logs", "replay", "metrics", "stats"}


def test_the_command_imports_mlflow_and_plots_only_when_they_are_used():
    found = loaded_by("import routelab.cli.app")
    assert not found & {"mlflow", "sklearn", "matplotlib"}


def test_no_imports_go_round_in_circles():
    there = modules()
    graph = {name: imported_modules(path, there) - {name} for name, path in there.items()}
    assert list(circles(graph)) == []


def test_a_circle_is_told_as_a_chain():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert list(circles(graph)) == ["b -> c -> b"]


def test_functions_are_short():
    big = {
        f"{path.relative_to(SOURCE).as_posix()}: {it.name}"
        for path in files()
        for it in functions(path)
        if (it.lines > MOST_LINES and "# Long: " not in it.comment)
        or (it.arguments > MOST_ARGUMENTS and "# Many arguments: " not in it.comment)
    }
    assert big - TOO_BIG == set(), "break it where its thought breaks, or say why it is whole"
    assert TOO_BIG - big == set(), "these are short now: take them off the list"
