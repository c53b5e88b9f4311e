"""What a process gives up before it runs code of a stranger; nothing of it can be had back.

Files, programs, processes, sockets and signals go by Landlock and seccomp, which neither a
container nor an ordinary user lacks by custom; memory, time and files go by limits of the system.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import stat
import sys
import sysconfig
import time
from pathlib import Path

from routelab.graders.sandbox.landlock import landlock_version, restrict_files
from routelab.graders.sandbox.seccomp import has_seccomp, restrict_calls

THREADS = 32
"""Of one process, itself included, where they can be counted; else it has one."""

_FILES = 64
_SET_DEATH_SIGNAL, _SET_KEEP_CAPABILITIES, _SET_NO_NEW_PRIVILEGES = 1, 8, 38
_NEW_USER = 0x10000000
_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime",
    "/usr/share/zoneinfo", "/dev/null", "/dev/urandom",
)  # fmt: skip
"""What Python reads to begin and to load a module, wherever it is installed."""

_CAPABILITIES_3 = 0x20080522
_READ_ALL = 1 << 2
"""CAP_DAC_READ_SEARCH."""

_NOBODY = 1 << 29
"""The least of numbers among which no system has users."""


def lack() -> str | None:
    """What this platform lacks to isolate a process, as the end of a sentence; None if nothing."""
    if not sys.platform.startswith("linux"):
        return f"runs {sys.platform}, and code can be isolated on Linux alone"
    if not landlock_version():
        return "has a kernel without Landlock (Linux 5.13 or later, and it may be switched off)"
    if not has_seccomp():
        return "lacks libseccomp (the package libseccomp2 or libseccomp)"
    return None


def isolate(memory_bytes: int, time_s: float, *, parent: int) -> None:
    """Give up what graded code must not have, for good.

    Args:
        memory_bytes: of addresses beyond those that the process has.
        time_s: of the processor.
        parent: the process that this one ends with.
    Raises:
        OSError: something cannot be given up.
    """
    import resource  # noqa: F401  (while its file can still be read)

    libc = ctypes.CDLL(None, use_errno=True)
    readable = _readable()
    kept = _drop_identity(libc, readable)
    counted = os.getuid() >= _NOBODY or libc.unshare(_NEW_USER) == 0
    _limit(memory_bytes, time_s, counted=counted)
    _keep_capabilities(libc, kept)
    _control(libc, _SET_DEATH_SIGNAL, signal.SIGKILL)  # a change of identity takes it back
    if os.getppid() != parent:
        os._exit(1)
    _control(libc, _SET_NO_NEW_PRIVILEGES, 1)
    restrict_files(readable)
    restrict_calls(threads=counted)


def _readable() -> list[str]:
    """Files and folders that Python and its packages are read from."""
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    return [*_SYSTEM, *own, str(Path(sys.base_prefix, "lib")), *filter(None, sys.path)]


def _drop_identity(libc: ctypes.CDLL, readable: list[str]) -> int:
    """As root, become a user that nobody is, of whom no file is and whose threads are counted.

    Gives the capabilities to be kept: where Python lies in a folder of root's, that to read it all
    the same, which Landlock then bounds to Python.
    """
    if os.getuid() != 0:
        return 0
    kept = 0 if all(_for_all(it) for it in readable) else _READ_ALL
    nobody = random.SystemRandom().randrange(_NOBODY, 2 * _NOBODY)
    _control(libc, _SET_KEEP_CAPABILITIES, 1)
    os.setgroups([])
    os.setresgid(nobody, nobody, nobody)
    os.setresuid(nobody, nobody, nobody)
    return kept


def _for_all(path: str) -> bool:
    """Whether every user can read what is here; what is not there is no matter."""
    try:
        real = Path(path).resolve(strict=True)
        modes = [real.stat().st_mode, *(it.stat().st_mode for it in real.parents)]
    except OSError:
        return True
    return bool(modes[0] & stat.S_IROTH) and all(it & stat.S_IXOTH for it in modes[1:])


def _limit(memory_bytes: int, time_s: float, *, counted: bool) -> None:
    import resource  # which not every system has that only asks what is lacking

    held = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    seconds = int(time.process_time() + time_s) + 1
    limits = {
        resource.RLIMIT_AS: held + memory_bytes,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _FILES,
        **({resource.RLIMIT_NPROC: THREADS} if counted else {}),
    }
    for name, most in limits.items():
        _, hard = resource.getrlimit(name)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (most, most))


def _keep_capabilities(libc: ctypes.CDLL, kept: int) -> None:
    """Give up those of root, and of the first user of a namespace, but for these."""
    head = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    sets = (ctypes.c_uint32 * 6)(kept, kept)
    if libc.capset(ctypes.byref(head), ctypes.byref(sets)) != 0:
        raise OSError(ctypes.get_errno(), "the process keeps its capabilities")


def _control(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} is refused")
