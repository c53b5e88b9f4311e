"""The process that runs an answer and its tests, once it has given up all that it does not need."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from routelab.graders.sandbox.isolation import isolate

_SAID = 400
"""Characters of a problem."""


def main() -> None:
    """Read a job from standard input, run it isolated, and write the verdict where it is told."""
    job = json.loads(sys.stdin.buffer.read())
    sys.path[:] = [it for it in sys.path if it and it != job["hidden"]]
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    try:
        isolate(job["memory_bytes"], job["time_s"], parent=job["parent"])
    except OSError as error:
        _tell(job, "refused", str(error))
    os.write(job["verdict"], b".")
    os.environ.clear()
    for name in [it for it in sys.modules if it.partition(".")[0] == "routelab"]:
        del sys.modules[name]
    _tell(job, *_run(job))


def _run(job: dict[str, Any]) -> tuple[str, str]:
    """What came of the tests (`passed`, `failed` or `unsound`), and why."""
    names: dict[str, Any] = {"__name__": "answer", "__builtins__": __builtins__}
    try:
        tests = compile(job["tests"], "<tests>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return "unsound", _words(error)
    try:
        exec(compile(job["code"], "<answer>", "exec"), names)  # noqa: S102  (which it is here for)
        _test(tests, names, job["entry"])
    except BaseException as error:  # noqa: BLE001  (whatever it raises, exits included)
        return "failed", _words(error)
    return "passed", ""


def _test(tests: Any, names: dict[str, Any], entry: str) -> None:
    """Run tests: what stands in them, functions `test_*` of them, and `check` of an entry point."""
    before = set(names)
    exec(tests, names)  # noqa: S102  (likewise)
    for name in [it for it in names if it not in before and it.startswith("test_")]:
        if callable(names[name]):
            names[name]()
    if entry and callable(names.get("check")):
        names["check"](names[entry])


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:_SAID]
    except BaseException:  # noqa: BLE001  (words of a stranger's making)
        return type(error).__name__


def _tell(job: dict[str, Any], outcome: str, why: str) -> None:
    """Write the verdict and end, without a word of whoever asked to be told at the end."""
    said = {"key": job["key"], "outcome": outcome, "why": why}
    os.write(job["verdict"], json.dumps(said).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
