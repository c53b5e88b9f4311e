"""The compiled modules under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
SOURCES = sorted((PROJECT / "src").rglob("_compiled.c"))
TESTS = (
    "tests/scorers/kernels",
    "tests/signals/features/words",
    "tests/policies/supermodel",
    "tests/suites/hostile/test_hostile_fuzz.py",
)
FLAGS = (
    *("-shared", "-fPIC", "-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=off"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
)

pytestmark = pytest.mark.sanitizers


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A copy of the source whose modules are sanitized, and the environment to run it in."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    home = tmp_path_factory.mktemp("sanitized")
    for name in ("src", "tests", "policies", "datasets"):
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(PROJECT / name, home / name, ignore=ignored)
    shutil.copy(PROJECT / "pyproject.toml", home)
    for source in SOURCES:
        to = home / source.relative_to(PROJECT).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
        include = ["-I", sysconfig.get_paths()["include"], "-I", str(PROJECT / "src/routelab")]
        subprocess.run([compiler, *FLAGS, *include, str(source), "-o", str(to), "-lm"], check=True)
    libraries = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    if not all(Path(it).is_absolute() for it in libraries):
        pytest.skip("gcc has no sanitizers")
    return home, {
        **os.environ,
        "LD_PRELOAD": ":".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",  # Python keeps what it has
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONPATH": str(home / "src"),
        "PYTHONMALLOC": "malloc",  # so that every object has its own borders
    }


def test_the_modules_are_there_and_sanitized(sanitized):
    _, environment = sanitized
    code = (
        "import routelab.scorers.kernels as k, routelab.policies.supermodel as s\n"
        "import routelab.signals.features.words as w\n"
        "assert all(hasattr(it, 'compiled') for it in (k, s, w))\n"
        "print('libasan' in open('/proc/self/maps').read())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "True", done.stderr[-2000:]


@pytest.mark.parametrize("tests", TESTS)
def test_nothing_is_read_or_written_out_of_bounds(sanitized, tests):
    home, environment = sanitized
    if not (home / tests).exists():
        pytest.fail(f"{tests} has moved")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    told = done.stdout[-2000:] + done.stderr[:4000] + done.stderr[-1000:]
    assert done.returncode == 0, told
    assert "Sanitizer" not in done.stderr
