"""Whether a file is still being written, told by a lock that dies with its writer."""

from __future__ import annotations

from pathlib import Path

try:
    import fcntl
except ImportError:  # only Windows: there, leave a log alone until its writers have ended
    fcntl = None  # type: ignore[assignment]


def lock_file(file: int) -> None:
    """Lock an open file that nobody else knows yet; closing it lets go."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(path: Path) -> bool:
    """Whether a living process holds a file."""
    if fcntl is None:
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
