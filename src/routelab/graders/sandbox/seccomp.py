"""Seccomp: a process gives up all system calls but those that plain computing needs.

The numbers of system calls differ by processor; libseccomp knows them.
Source: https://github.com/seccomp/libseccomp, and seccomp(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from typing import NamedTuple

_LIBRARY = "libseccomp.so.2"
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_EQUAL, _MASKED = 4, 7
_THREAD = 0x00010000
"""CLONE_THREAD."""

_PLAIN = """
    read readv pread64 preadv write writev pwrite64 close close_range lseek
    open openat stat lstat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat
    getcwd getdents getdents64 dup dup2 dup3 pipe pipe2 eventfd eventfd2
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
    epoll_pwait2 recvfrom recvmsg shutdown getsockopt
    mmap munmap mprotect mremap madvise brk membarrier
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend
    sigaltstack restart_syscall pause alarm setitimer getitimer
    getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid
    getpgrp getsid getrlimit getrusage times sysinfo uname
    getrandom clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    futex futex_waitv set_robust_list get_robust_list rseq set_tid_address arch_prctl
    sched_yield sched_getaffinity sched_getparam sched_getscheduler getcpu
    exit exit_group
"""
"""Allowed whatever their arguments. A new process, a program, a socket, a signal to others, a
change of any file, and whatever nobody thought of are none of them.
"""

_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; none that makes others be signalled."""

_FCNTLS = (0, 1, 2, 3, 4, 1030, 1032)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ; likewise."""


class _Compared(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class _Rule(NamedTuple):
    """A system call that is allowed where these arguments have these values."""

    call: str
    arguments: tuple[tuple[int, int, int, int], ...] = ()
    action: int = _ALLOW


def has_seccomp() -> bool:
    """Whether libseccomp is installed, and the kernel filters system calls."""
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(21, 0, 0, 0, 0)) >= 0  # PR_GET_SECCOMP


def restrict_calls(*, threads: bool) -> None:
    """Give up all system calls for good but those of plain computing; others fail with EPERM.

    `PR_SET_NO_NEW_PRIVS` must be set, and the process have one thread.

    Args:
        threads: may be begun.
    Raises:
        OSError: the kernel or the library refuses.
    """
    library = ctypes.CDLL(_LIBRARY, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p,
    ]  # fmt: skip
    context = library.seccomp_init(_REFUSE | errno.EPERM)
    if not context:
        raise OSError(errno.ENOMEM, "libseccomp cannot begin a filter")
    for rule in _rules(threads=threads):
        number = library.seccomp_syscall_resolve_name(rule.call.encode())
        if number == -1:
            continue  # which this library, or every processor of this kind, does not have
        compared = (_Compared * len(rule.arguments))(*(_Compared(*it) for it in rule.arguments))
        failed = library.seccomp_rule_add_array(
            context, rule.action, number, len(rule.arguments), ctypes.byref(compared)
        )
        if failed:
            raise OSError(-failed, f"libseccomp refuses a rule for {rule.call}")
    if failed := library.seccomp_load(context):
        raise OSError(-failed, "the kernel refuses the filter of system calls")


def _rules(*, threads: bool) -> Iterator[_Rule]:
    own = os.getpid()
    yield from (_Rule(call) for call in _PLAIN.split())
    yield from (_Rule("ioctl", ((1, _EQUAL, request, 0),)) for request in _IOCTLS)
    yield from (_Rule("fcntl", ((1, _EQUAL, command, 0),)) for command in _FCNTLS)
    for call in ("kill", "tgkill"):
        yield _Rule(call, ((0, _EQUAL, own, 0),))
    for process in (0, own):
        yield _Rule("prlimit64", ((0, _EQUAL, process, 0),))
    yield _Rule("prctl", ((0, _EQUAL, 15, 0),))  # PR_SET_NAME, of a thread
    # A pair of connected stream sockets (what asyncio wakes itself by) reaches nobody else.
    yield _Rule("socketpair", ((0, _EQUAL, 1, 0), (1, _MASKED, 0xFF, 1)))
    yield _Rule("sendto", ((4, _EQUAL, 0, 0),))
    yield _Rule("clone3", (), _REFUSE | errno.ENOSYS)  # after which libc takes clone
    if threads:
        yield _Rule("clone", ((0, _MASKED, _THREAD, _THREAD),))
