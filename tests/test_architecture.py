"""Imports point down, heavy packages stay in their module, and importing little brings little."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src" / "routelab"

HOMES = {
    "pyarrow": "logs",
    "pandas": "logs",
    "optuna": "tuning",
    "httpx": "runtime",
    "mlflow": "tracking",
    "starlette": "serve",
    "uvicorn": "serve",
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
    ("runtime/http_sender.py", "aiohttp"),  # of the serve extra, when it is asked for
    ("runtime/http_sender.py", "httpx_aiohttp"),  # likewise
    ("signals/features/wordllama.py", "tokenizers"),  # of the embed extra, when it is asked for
}

LIGHT = ("anyio", "numpy", "httpx", "msgspec", "safetensors")
"""What the base install brings."""


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
    base = {"core", "errors", "policies", "scorers", "signals", "policy_file", "runtime"}
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
    wire = {"closing.py", "http.py", "http_request.py", "http_sender.py", "orphans.py"}
    assert eager <= {f"runtime/{name}" for name in wire}


def loaded_by(statement: str) -> set[str]:
    """Modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_importing_routelab_imports_nothing_of_it():
    found = loaded_by("import routelab; routelab.__version__")
    assert {name for name in found if name.startswith("routelab")} == {"routelab"}
    assert not found & set(LIGHT)


def test_importing_the_runtime_brings_no_workbench():
    found = loaded_by("import routelab.runtime")
    assert not found & {*HOMES, "mlflow", "sqlalchemy"} - {"httpx"}
    parts = {name.split(".")[1] for name in found if name.startswith("routelab.")}
    assert not parts & {"cli", "serve", "tuning", "logs", "replay", "metrics", "stats"}


def test_the_command_imports_mlflow_and_plots_only_when_they_are_used():
    found = loaded_by("import routelab.cli.app")
    assert not found & {"mlflow", "sklearn", "matplotlib"}
