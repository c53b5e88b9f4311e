"""Graded code that means harm neither escapes nor lasts; code that does not is graded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from routelab import graders
from routelab.errors import GradingError
from routelab.graders import Case
from routelab.graders.sandbox import isolation, run, run_tests

isolated = pytest.mark.skipif(isolation.lack() is not None, reason=f"it {isolation.lack()}")
PROJECT = Path(__file__).parents[3]
CONTROL = "def f(x):\n    return x + 1\n"

HARMLESS = {
    "a plain function": CONTROL,
    "the standard library": "import re, math, json, decimal, datetime, itertools, collections\n",
    "threads, few of them": (
        "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()\n"
    ),
    "an event loop": (
        "import asyncio\nasync def one():\n    await asyncio.sleep(0)\n    return 1\n"
        "assert asyncio.run(one()) == 1\n"
    ),
    "much output": "for n in range(200_000): print(n)\n",
    "a fixed seed": "assert hash('a') == hash('a')\nimport random\nrandom.seed(0)\n",
}


@isolated
@pytest.mark.parametrize("code", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_does_no_harm_runs(code):
    found = run_tests(f"{code}\n{CONTROL}", "assert f(1) == 2", time_s=20)
    assert found == (True, "", True)


@isolated
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def f(x): return x", "AssertionError"),
        ("def f(x: return x", "SyntaxError"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import os; os._exit(0)", "without a verdict"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(BaseException):\n def __str__(self): raise E\nraise E", "E"),
        ("def f(x): return f(x)", "RecursionError"),
    ],
)
def test_what_is_wrong_is_told(code, why):
    found = run_tests(code, "assert f(1) == 2")
    assert not found.passed
    assert found.sound
    assert why in found.why


HOSTILE = {
    "a fork": "import os\nos.fork()",
    "forks without end": (
        "import os\n"
        "while True:\n"
        "    try: os.fork()\n"
        "    except OSError as e: error = e; break\n"
        "raise error"
    ),
    "processes by spawn": "import subprocess\nsubprocess.run(['true'])",
    "processes by libc": (
        "import ctypes\n"
        "l = ctypes.CDLL(None, use_errno=True)\n"
        "if l.vfork() < 0: raise PermissionError"
    ),
    "another program": "import os\nos.execv('/bin/true', ['true'])",
    "a socket": "import socket\nsocket.socket()",
    "a socket of the machine": "import socket\nsocket.socket(socket.AF_UNIX)",
    "a pair that writes to others": "import socket\nsocket.socketpair(type=socket.SOCK_DGRAM)",
    "its parent killed": "import os\nos.kill(os.getppid(), 9)",
    "its parent stopped": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)",
    "all processes killed": "import os\nos.kill(-1, 9)",
    "its group killed": "import os\nos.killpg(0, 9)",
    "a signal by a file's owner": (
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())"
    ),
    "its parent's environment": "import os\nopen(f'/proc/{os.getppid()}/environ').read()",
    "its own environment by /proc": "open('/proc/self/environ').read()",
    "its parent's memory": "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "its parent's files": "import os\nos.listdir(f'/proc/{os.getppid()}/fd')",
    "its parent traced": (
        "import ctypes, os\n"
        "if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) < 0: raise PermissionError"
    ),
    "its parent's limits": (
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (1, 1))"
    ),
    "users of the system": "open('/etc/passwd').read()",
    "a file of the user": "open(VICTIM).read()",
    "a file removed": "import os\nos.remove(VICTIM)",
    "a file emptied": "open(VICTIM, 'w')",
    "a file renamed": "import os\nos.rename(VICTIM, VICTIM + 'x')",
    "a file's mode": "import os\nos.chmod(VICTIM, 0)",
    "a folder removed": "import shutil, os\nshutil.rmtree(os.path.dirname(VICTIM))",
    "a file written": "open('/tmp/routelab-was-here', 'w')",
    "memory as a file": "import os\nos.memfd_create('x')",
    "a new namespace": (
        "import ctypes\nif ctypes.CDLL(None).unshare(0x10000000) < 0: raise PermissionError"
    ),
    "higher limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "another user": "import os\nos.setuid(0)",
}
REFUSED = ("PermissionError", "not allowed", "OSError")


@isolated
@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_does_harm_is_refused(code, tmp_path):
    victim = tmp_path / "kept" / "file.txt"
    victim.parent.mkdir()
    victim.write_text("kept")
    found = run_tests(code.replace("VICTIM", repr(str(victim))), "pass")
    assert not found.passed
    assert any(it in found.why for it in REFUSED), found.why
    assert victim.read_text() == "kept"
    assert victim.stat().st_mode & 0o600


@isolated
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x = bytearray(10 * 2**30)", "MemoryError"),
        ("x = []\nwhile True: x.append(bytearray(2**20))", "MemoryError"),
        ("while True: pass", "within 0.4 s"),
        ("import time\ntime.sleep(60)", "within 0.4 s"),
        (
            "import signal\nsignal.pthread_sigmask(0, range(1, 65))\nwhile True: pass",
            "within 0.4 s",
        ),
        (
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "within 0.4 s",
        ),
        ("x = 'a' * 10**6\nwhile True: print(x)", "within 0.4 s"),
        ("import re\nre.match('(a+)+b', 'a' * 99)", "within 0.4 s"),
    ],
)  # fmt: skip
def test_what_takes_too_much_ends(code, why):
    began = time.monotonic()
    found = run_tests(code, "pass", time_s=30.0 if why == "MemoryError" else 0.4)
    assert not found.passed
    assert why in found.why
    assert time.monotonic() - began < 30  # which endless ones would not reach


@isolated
def test_threads_are_few():
    code = (
        "import threading, time\nbegun = 0\ntry:\n    for _ in range(10_000):\n"
        "        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
        "        begun += 1\nexcept RuntimeError: pass\n"
    )
    found = run_tests(code, f"assert begun < {isolation.THREADS}, begun")
    assert found.passed, found.why


@isolated
def test_a_key_of_the_environment_is_not_there(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-routelab-secret")
    code = (
        "import os, sys, gc\nfound = str(dict(os.environ)) + str(sys.argv)\n"
        "try: import ctypes; found += str(ctypes.CDLL(None).getenv(b'OPENAI_API_KEY'))\n"
        "except ImportError: found += '0'\n"
    )
    found = run_tests(code, "assert 'secret' not in found and found.endswith('0'), found")
    assert found.passed, found.why


@isolated
def test_nothing_of_it_is_left():
    before = threading.active_count()
    run_tests("import time\ntime.sleep(60)", "pass", time_s=0.3)
    assert threading.active_count() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    held = {*Path("/proc/self/fd").iterdir()}
    run_tests("pass", "pass")
    assert len({*Path("/proc/self/fd").iterdir()}) <= len(held)


@isolated
def test_it_ends_with_whoever_began_it(tmp_path):
    """Of a grading that is killed nothing runs on."""
    mark = tmp_path / "pid"
    program = (
        "import sys\nfrom pathlib import Path\nfrom routelab.graders.sandbox import run\n"
        "begun = run._begun\n"
        "def told(*args, **how):\n    process = begun(*args, **how)\n"
        "    Path(sys.argv[1]).write_text(str(process.pid))\n    return process\n"
        "run._lack = lambda: None\nrun._begun = told\n"
        "run.run_tests('while True: pass', 'pass', time_s=60)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    outer = subprocess.Popen([sys.executable, "-c", program, str(mark)], env=env)
    until = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    inner = int(mark.read_text())
    while b"inmate" not in _command(inner) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.3)  # in which it is isolated, and set to end with its parent
    outer.kill()
    outer.wait()
    while _command(inner) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _command(inner)


def _command(process: int) -> bytes:
    """The command line of a process; empty when it is gone, or waits to be reaped."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@isolated
def test_tests_that_cannot_run_are_no_grade():
    with pytest.raises(GradingError, match="the tests cannot be run: SyntaxError"):
        graders.UnitTests().grade(Case(CONTROL, ("assert f(",)))


@isolated
@pytest.mark.parametrize(
    ("tests", "worth"),
    [
        ("assert f(1) == 2", 1.0),
        ("def test_it():\n    assert f(1) == 3", 0.0),
        ("def check(candidate):\n    assert candidate(1) == 2", 1.0),
        ("def check(candidate):\n    assert candidate(1) == 3", 0.0),
    ],
)
def test_tests_of_every_form_are_run(tests, worth):
    answer = f"Here it is:\n```python\n{CONTROL}```\nI hope that helps."
    case = Case(answer, (tests,), {"entry_point": "f"})
    assert graders.UnitTests().grade(case) == worth


@isolated
def test_installed_packages_are_there_where_asked_for():
    code = "import numpy as np\ntotal = np.ones(3).sum()"
    assert "ModuleNotFoundError" in run_tests(code, "assert total == 3").why
    assert run_tests(code, "assert total == 3", packages=True, time_s=30).passed
    # Where routelab is installed, what lies beside it are the other packages.
    assert "ModuleNotFoundError" in run_tests("import routelab", "pass").why
    assert run_tests("import routelab", "pass", packages=True, time_s=30).passed


@isolated
def test_what_a_busy_machine_does_not_begin_is_not_graded(monkeypatch):
    run.check_sandbox()
    monkeypatch.setattr(run, "_BEGIN_S", 0.0)
    with pytest.raises(GradingError, match="the sandbox did not begin in 0 s"):
        graders.UnitTests().grade(Case(CONTROL, ("assert f(1) == 2",)))


@pytest.mark.parametrize("lacking", ["landlock_version", "has_seccomp"])
def test_nothing_runs_where_a_machine_cannot_isolate(monkeypatch, lacking):
    monkeypatch.setattr(isolation, lacking, lambda: 0)
    run._lack.cache_clear()
    try:
        with pytest.raises(GradingError, match="unit tests are not run: this machine"):
            run_tests("pass", "pass")
        with pytest.raises(GradingError, match="without isolation"):
            graders.UnitTests().ready()
    finally:
        run._lack.cache_clear()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@isolated
def test_an_ordinary_user_is_isolated_too():
    """With a Python that such a user can read; the one of root's folder is not."""
    python = next((it for it in ("/usr/bin/python3",) if Path(it).exists()), None)
    version = (
        python
        and subprocess.run(
            [python, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True
        ).stdout.strip()
    )
    if version != b"True":
        pytest.skip("there is no other Python from 3.11 on that every user can read")
    program = (
        "from routelab.graders.sandbox import run_tests\n"
        "assert run_tests('def f(x): return x', 'assert f(1) == 1', time_s=30).passed\n"
        "for code in ('import os; os.fork()', 'import socket; socket.socket()',\n"
        "             \"open('/proc/self/environ')\", 'import os; os.kill(os.getppid(), 9)'):\n"
        "    assert 'PermissionError' in run_tests(code, 'pass', time_s=30).why, code\n"
    )
    with tempfile.TemporaryDirectory() as folder:  # which, unlike pytest's, others may be let into
        Path(folder).chmod(0o755)
        source = PROJECT / "src" / "routelab"
        for name in ("__init__.py", "lazy.py", "errors.py", "version.py", "graders"):
            there = Path(folder, "routelab", name)
            there.parent.mkdir(exist_ok=True)
            copied = shutil.copytree if (source / name).is_dir() else shutil.copy
            copied(source / name, there)
        readable = subprocess.run(
            [python, "-c", program], env={"PYTHONPATH": folder}, user=65534, group=65534,
            extra_groups=[], cwd="/", capture_output=True, text=True,
        )  # fmt: skip
    assert readable.returncode == 0, readable.stderr
