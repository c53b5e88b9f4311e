"""What is installed: wheels of every Python at hand, and the least versions that are allowed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.14t")
SMALL = (
    "tests/logs/test_logs_bad_input.py",
    "tests/runtime/test_runtime_router.py",
    "tests/replay_server/test_replay_server.py",
    "tests/suites/hostile/test_hostile_fuzz.py",
)
USE = (
    "from routelab.policy_file import load\n"
    "import routelab.scorers.kernels as kernels\n"
    "assert load(POLICY).verify() == []\n"
    "assert hasattr(kernels, 'compiled')\n"
)

pytestmark = pytest.mark.supply


def ran(*command: object, **more: object) -> str:
    environment = {name: it for name, it in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(it) for it in command], capture_output=True, text=True, env=environment, **more
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def uv(tmp_path_factory) -> Path:
    """The resolver, in an environment of its own."""
    home = tmp_path_factory.mktemp("uv")
    ran(sys.executable, "-m", "venv", home)
    ran(home / "bin" / "python", "-m", "pip", "install", "--quiet", "uv")
    return home / "bin" / "uv"


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The project without what was built in it."""
    home = tmp_path_factory.mktemp("source") / "routelab"
    ignored = shutil.ignore_patterns(".git", ".venv", "*.so", "__pycache__", "site", "dist")
    shutil.copytree(PROJECT, home, ignore=ignored)
    return home


@pytest.mark.parametrize("version", PYTHONS)
def test_a_wheel_is_built_installed_and_used(uv, source, tmp_path, version):
    found = subprocess.run([uv, "python", "find", version], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"no Python {version} is at hand")
    ran(uv, "build", "--wheel", "--python", version, "--out-dir", tmp_path / "dist", source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as held:
        (listed,) = [it for it in held.namelist() if ".dist-info/sboms/" in it]
        materials = json.loads(held.read(listed))
    assert materials["bomFormat"] == "CycloneDX"
    assert "pkg:pypi/httpx" in {it.get("purl") for it in materials["components"]}
    ran(uv, "venv", "--quiet", "--python", version, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    ran(uv, "pip", "install", "--quiet", "--python", python, wheel)
    policy = PROJECT / "policies" / "reference-utility.policy"
    ran(python, "-c", USE.replace("POLICY", repr(str(policy))))


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_a_small_suite_passes_at_the_ends_of_what_is_allowed(uv, source, tmp_path, resolution):
    ran(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    wanted = (f"{source}[lab,serve,gates]", "pytest>=8.3", "hypothesis>=6.120")
    ran(uv, "pip", "install", "--quiet", "--python", python, "--resolution", resolution, *wanted)
    told = ran(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SMALL, cwd=source)
    assert "failed" not in told
