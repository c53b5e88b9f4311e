"""How many files and connections a process may have open."""

from __future__ import annotations

import contextlib

OTHERS = 1_000
"""Files besides callers' connections: those to models, logs, budgets, brokers."""


def open_files(wanted: int) -> int | None:
    """How many the system lets this process have; raised as far as it allows, up to what is wanted.

    Returns:
        None where there is no limit, or none that can be asked for.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):  # some systems have a lower one yet
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return soft


def too_few_files(connections: int, allowed: int | None) -> str | None:
    """What to tell where the system allows fewer files than connections need; None where enough.

    Args:
        connections: that are to be taken.
        allowed: open files; None for no limit.
    """
    if allowed is None or allowed >= connections + OTHERS:
        return None
    room = max(0, allowed - OTHERS)
    lower = f", or set connections to {room}" if room else ""
    return (
        f"websocket: connections is {connections}, and this process may have {allowed} files open,"
        f" {OTHERS} of them for other than callers: from {room} connections on callers may find no"
        f" room. Raise the hard limit to {connections + OTHERS} (`ulimit -Hn`, LimitNOFILE= of"
        f" systemd){lower}"
    )
