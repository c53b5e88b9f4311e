"""Landlock: a process gives up all files but those that it names, by Linux itself.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""Numbers of the system calls, which are the same on every processor."""

_EVERY = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Rights over files that each version knows, from bit 0 on; later ones know those of 5."""

_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_PATH_BENEATH = 1
_OF_NETWORK, _OF_SCOPE = 0b11, 0b11
"""To bind and connect over TCP; to reach abstract sockets, and to signal, beyond the process."""


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scope", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def landlock_version() -> int:
    """The version of Landlock that this kernel has; 0 for none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(ctypes.c_long(_CREATE), None, ctypes.c_size_t(0), 1)))


def restrict_files(readable: Sequence[str]) -> None:
    """Give up every right over files for good, but to read these, and the network where it can be.

    `PR_SET_NO_NEW_PRIVS` must be set.

    Args:
        readable: files, and folders with all that is in them; those that are not there are no
            matter.
    Raises:
        OSError: the kernel refuses.
    """
    version = landlock_version()
    every = (1 << _EVERY.get(version, 16)) - 1
    wanted = _Ruleset(every, _OF_NETWORK if version >= 4 else 0, _OF_SCOPE if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _called(_CREATE, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    for path in readable:
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        allowed = _READ_FILE | _READ_FOLDER if Path(path).is_dir() else _READ_FILE
        rule = _Beneath(allowed, opened)
        _called(_ADD, rules, _PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(opened)
    _called(_RESTRICT, rules, 0)
    os.close(rules)


def _called(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    found = int(libc.syscall(ctypes.c_long(number), *arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses")
    return found
