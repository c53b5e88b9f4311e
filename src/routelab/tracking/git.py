"""The commit that a study was made at."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def commit(folder: Path) -> str | None:
    """The commit checked out around a folder; None outside of a checkout, or without git."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(folder), "rev-parse", "--verify", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)  # noqa: S603  (a fixed command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
