"""Run code that a stranger wrote against its tests, isolated and within bounds."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from routelab.errors import GradingError
from routelab.graders.sandbox.isolation import lack

_BEGIN_S = 20.0
"""Seconds for a process to begin, on a machine that has much else to do."""

_READY = b"."

_VERDICT = 4_096
"""Bytes of a verdict."""

_MOST_CODE = 1_000_000
"""Characters of an answer and its tests."""


class SandboxVerdict(NamedTuple):
    """What came of running an answer's code against its tests.

    Attributes:
        passed: the answer ended without an error, and so did its tests.
        why: it did not pass; empty where it did.
        sound: the tests could be run at all; a verdict without it says nothing of the answer.
    """

    passed: bool
    why: str = ""
    sound: bool = True


def check_sandbox() -> None:
    """Find out whether code can be isolated here.

    Raises:
        GradingError: it cannot; what is lacking is named.
    """
    if (problem := _lack()) is not None:
        raise GradingError(
            f"unit tests are not run: this machine {problem}; without isolation an answer could"
            " read your keys and remove your files. Grade on a machine that has it"
        )


@cache
def _lack() -> str | None:
    """Likewise, as the end of a sentence; a process that is isolated is the last proof."""
    if (problem := lack()) is not None:
        return problem
    found = _ran("pass", "pass", "", 10.0, 1 << 28, packages=False)
    return None if found.passed else f"refuses to isolate a process ({found.why})"


def run_tests(
    code: str,
    tests: str,
    *,
    entry: str = "",
    time_s: float = 5.0,
    memory_bytes: int = 1 << 29,
    packages: bool = False,
) -> SandboxVerdict:
    """Run Python code, and tests of it after it in the same namespace.

    The process has no network, no files but Python's own, which it may read, no environment, no
    other programs and processes, and 32 threads; it is ended when its time is over. Code that sets
    out to deceive its own tests can, since both are in one process: it escapes nothing, but may
    seem right.

    Args:
        code: of the answer.
        tests: statements, functions `test_*`, and with an `entry` a function `check`.
        entry: name of the function that `check` is called with.
        time_s: of the processor, and of a clock on the wall.
        memory_bytes: of addresses beyond those of an empty Python.
        packages: installed packages can be imported, and not the standard library alone.
    Raises:
        GradingError: code cannot be isolated here.
    """
    check_sandbox()
    return _ran(code, tests, entry, time_s, memory_bytes, packages=packages)


def _ran(
    code: str, tests: str, entry: str, time_s: float, memory_bytes: int, *, packages: bool
) -> SandboxVerdict:
    if len(code) + len(tests) > _MOST_CODE:
        return SandboxVerdict(False, f"code of more than {_MOST_CODE:,} characters is not run")
    home = str(Path(__file__).parents[3])  # where packages lie too, once routelab is installed
    key = secrets.token_hex(16)
    job = {
        "code": code, "tests": tests, "entry": entry, "time_s": time_s, "key": key,
        "memory_bytes": memory_bytes, "parent": os.getpid(), "hidden": "" if packages else home,
    }  # fmt: skip
    reading, writing = os.pipe()
    try:
        process = _begun(home, writing, packages=packages)
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    text = json.dumps({**job, "verdict": writing}).encode()
    with os.fdopen(reading, "rb", buffering=0) as verdict, process:
        said, late = _answer(process, text, verdict, time_s)
    if not said:
        why = f"in {_BEGIN_S:g} s" if late else f"and ended with status {process.returncode}"
        return SandboxVerdict(False, f"the sandbox did not begin {why}", sound=False)
    said = said.removeprefix(_READY)
    return _verdict(said, key, late=late, time_s=time_s, status=process.returncode)


def _begun(home: str, verdict: int, *, packages: bool) -> subprocess.Popen[bytes]:
    """A process that waits for its job; of the environment it has nothing."""
    flags = ["-s", "-P", "-B", *([] if packages else ["-S"])]
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(  # noqa: S603  (our own program)
        [sys.executable, *flags, "-m", "routelab.graders.sandbox.inmate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PYTHONPATH": home, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", **single},
        pass_fds=[verdict],
        start_new_session=True,
    )


def _answer(
    process: subprocess.Popen[bytes], job: bytes, verdict: Any, time_s: float
) -> tuple[bytes, bool]:
    """What the process writes, first that it is isolated, and whether its time was over before."""
    assert process.stdin is not None
    said, until = b"", time.monotonic() + _BEGIN_S
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(job)
            process.stdin.close()
        while len(said) < _VERDICT:
            left = until - time.monotonic()
            if left <= 0 or not select.select([verdict], [], [], left)[0]:
                return said, True
            if not (piece := verdict.read(_VERDICT)):
                break
            if not said:  # from here on its time runs, however long it took to begin
                until = time.monotonic() + time_s
            said += piece
        return said, False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _verdict(
    said: bytes, key: str, *, late: bool, time_s: float, status: int | None
) -> SandboxVerdict:
    try:
        told = json.loads(said)
        own = isinstance(told, dict) and told.get("key") == key
    except ValueError:
        told, own = {}, False
    if own and told["outcome"] == "refused":
        raise GradingError(f"unit tests are not run: no isolation here ({told['why']})")
    if own and told["outcome"] == "unsound":
        return SandboxVerdict(False, f"the tests cannot be run: {told['why']}", sound=False)
    if own:
        return SandboxVerdict(told["outcome"] == "passed", str(told["why"]))
    if late or status == -signal.SIGXCPU:
        return SandboxVerdict(False, f"it did not end within {time_s:g} s")
    return SandboxVerdict(False, f"it ended without a verdict (status {status})")
