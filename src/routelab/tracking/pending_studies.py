"""The marker of a study that no tracking server has yet: written first, removed when sent.

A study whose process is killed while it is being sent therefore still waits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from routelab.core.storage import read_bounded
from routelab.errors import TrackingError
from routelab.tracking import database

MARKER = "untracked.json"


class PendingStudy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a study directory cannot say of itself.

    Attributes:
        policy: the policy directory, relative to where the study directory lies.
        report: the report file, likewise; None without one.
        git_commit: checked out where the study was made; None outside of a checkout.
    """

    policy: str
    report: str | None = None
    git_commit: str | None = None


def mark(study: Path, policy: Path, report: Path | None = None) -> None:
    """Mark a study directory as waiting to be sent.

    Args:
        study: the study directory.
        policy: the policy directory.
        report: to be stored with it; None for none. One that lies elsewhere is copied into the
            study, since a marker leads nowhere else.
    """
    if report is not None and not _lies_in(report, study.parent):
        report = Path(shutil.copy(report, study / "report.html"))
    kept = PendingStudy(
        _beside(study, policy),
        None if report is None else _beside(study, report),
        commit(Path.cwd()),
    )
    (study / MARKER).write_bytes(msgspec.json.format(msgspec.json.encode(kept)) + b"\n")


def read(study: Path) -> PendingStudy:
    """What the marker says; of a study without one, what its name says.

    Raises:
        TrackingError: the marker is damaged.
    """
    path = study / MARKER
    if not path.exists():
        return PendingStudy(f"{study.name.removesuffix('.study')}.policy")
    try:
        content = read_bounded(path, "table_bytes", within=study)
        return msgspec.json.decode(content, type=PendingStudy)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise TrackingError(
            f"{path}: {error}; delete it, and name the study: routelab track sync {study}"
        ) from error


def settle(study: Path, notify: Callable[[str], object] = lambda _: None) -> None:
    """Wait until no process records a study, so that it may be replaced; ten minutes at most.

    Args:
        study: the directory NAME.study, which need not be there.
        notify: called with a sentence where it has to wait.
    """
    if study.is_dir():
        said = f"waiting until the study in {study} is recorded in MLflow, ten minutes at most"
        with database.alone(study, lambda: notify(said)):
            return


def clear(study: Path) -> None:
    """The study was sent."""
    (study / MARKER).unlink(missing_ok=True)


def waiting(folder: Path) -> list[Path]:
    """Study directories that wait, in a folder and the folders in it."""
    patterns = (f"*.study/{MARKER}", f"*/*.study/{MARKER}")
    found: Iterable[Path] = (path.parent for it in patterns for path in folder.glob(it))
    return sorted(set(found))


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _beside(study: Path, path: Path) -> str:
    return Path(os.path.relpath(path, study.parent)).as_posix()


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
