"""Heavy packages stay in their module, and importing little brings little."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from exceptions import GUESTS
from sources_world import files, imports_outside, part, short

HOMES = {
    "pyarrow": "logs",
    "pandas": "logs",
    "optuna": "tuning",
    "httpx": "runtime",
    "mlflow": "tracking",
    "starlette": "replay_server",
    "uvicorn": "replay_server | serve",
    "grpc": "serve",
    "google": "serve",
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
"""Package to the only parts of routelab that may import it; "" for none."""

LIGHT = ("anyio", "numpy", "httpx", "msgspec", "safetensors")
"""What the base install brings."""


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_package_stays_in_its_part(package):
    strangers = [
        short(path)
        for path in files()
        if part(path) not in HOMES[package].split(" | ")
        and any(name == package for name, _ in imports_outside(path))
        and (short(path), package) not in GUESTS
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
        (short(path), name)
        for path in files()
        if part(path) in base
        for name, _ in imports_outside(path)
        if name not in allowed and (short(path), name) not in GUESTS
    }
    assert strangers == set()


def test_guests_are_there_and_imported_only_when_asked_for():
    found = {(short(path), *it) for path in files() for it in imports_outside(path)}
    assert {(path, name) for path, name, _ in found} >= GUESTS
    base = {(path, name) for path, name in GUESTS if path.startswith(("runtime", "signals"))}
    assert not base & {(path, name) for path, name, eager in found if eager}


def test_only_the_runtime_and_its_wire_know_http_and_only_when_they_route():
    eager = {
        short(path)
        for path in files()
        for name, at_import in imports_outside(path)
        if name == "httpx" and at_import
    }
    wire = {"client.py", "closing.py", "host_pools.py", "leaks.py", "libraries.py", "request.py"}
    wire |= {"sender.py"}
    assert eager <= {f"runtime/transport/{name}" for name in wire}


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
