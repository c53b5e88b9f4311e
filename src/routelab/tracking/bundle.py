"""Everything about a stored study that goes into MLflow, read back from its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from routelab.core.messages import shown
from routelab.core.storage import inside, read_bounded
from routelab.errors import TrackingError
from routelab.policy_file import PolicyFile, load
from routelab.tracking import pending_studies

SUMMARY, TRIALS = "study.json", "trials.parquet"
REPORT = ".html"


@dataclass(frozen=True, eq=False)
class Bundle:
    """A stored study.

    Attributes:
        summary: what `study.json` holds.
        digest: SHA-256 of `study.json`, by which the study is known.
        policy: the exported policy, checked.
        report: None without one.
    """

    path: Path
    summary: Mapping[str, Any]
    digest: str
    policy: PolicyFile
    report: Path | None
    git_commit: str | None

    @property
    def name(self) -> str:
        return self.policy.name

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the study directory that are stored with it."""
        return (self.path / SUMMARY, self.path / TRIALS)


def read(study: Path) -> Bundle:
    """Read a study directory and the policy that came of it.

    Raises:
        TrackingError: it is no study directory, is of a log that was read in batches, or the policy
            beside it is another study's.
        PolicyFileError: the policy directory is missing or damaged.
    """
    kept = pending_studies.read(study)
    content = _content(study / SUMMARY)
    summary = _decoded(study / SUMMARY, content)
    _within(study / TRIALS, study)
    policy = load(_within(study.parent / kept.policy, study.parent))
    if policy.digest != summary["policy_digest"]:
        raise TrackingError(
            f"{study}: exported policy {summary['policy_digest'][:12]}, but {policy.path} is"
            f" {policy.digest[:12]}; put the study's own policy back, or tune again"
        )
    report = None if kept.report is None else _within(study.parent / kept.report, study.parent)
    if report is not None and not report.is_file():
        report = None
    if report is not None and report.suffix.lower() != REPORT:
        raise TrackingError(
            f"{study}: its marker names {shown(report.name)!r} as its report, which is no {REPORT};"
            f" delete the marker, and name the study: routelab track sync {study}"
        )
    digest = hashlib.sha256(content).hexdigest()
    return Bundle(study, summary, digest, policy, report, kept.git_commit)


def _content(path: Path) -> bytes:
    try:
        return read_bounded(path, "json_bytes", within=path.parent)
    except OSError as error:
        raise TrackingError(
            f"{path.parent}: is no study directory ({SUMMARY}: {error.strerror}); give NAME.study,"
            " which tune writes beside NAME.policy"
        ) from error


def _within(path: Path, folder: Path) -> Path:
    """A path that a file names, which must not lead out of where the study lies: what it leads to
    is sent to the server.
    """
    try:
        inside(path, folder)
    except FileNotFoundError:
        return path  # who reads it says so
    except OSError as error:
        raise TrackingError(
            f"{shown(str(path))}: {error.strerror or error}, and is not sent; put what belongs to"
            f" the study into {folder}"
        ) from error
    return path


def _decoded(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        summary = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TrackingError(f"{path}: {error}; tune again") from error
    if summary.get("streamed"):
        raise TrackingError(
            f"{path.parent}: its log was read in batches, and has no single requests to record in"
            " MLflow; tune without `workers` on a log that fits into memory"
        )
    if lacking := [key for key in ("policy_digest", "provenance", "test") if key not in summary]:
        raise TrackingError(f"{path}: lacks {', '.join(lacking)}; tune again with this version")
    return summary
