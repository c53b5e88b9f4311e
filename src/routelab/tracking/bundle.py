"""Everything about a stored study that goes into MLflow, read back from its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from routelab.errors import TrackingError
from routelab.policy_file import PolicyFile, load
from routelab.tracking import pending_studies

SUMMARY, TRIALS = "study.json", "trials.parquet"


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
    policy = load(study.parent / kept.policy)
    if policy.digest != summary["policy_digest"]:
        raise TrackingError(
            f"{study}: exported policy {summary['policy_digest'][:12]}, but {policy.path} is"
            f" {policy.digest[:12]}; put the study's own policy back, or tune again"
        )
    report = None if kept.report is None else study.parent / kept.report
    if report is not None and not report.is_file():
        report = None
    digest = hashlib.sha256(content).hexdigest()
    return Bundle(study, summary, digest, policy, report, kept.git_commit)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrackingError(
            f"{path.parent}: is no study directory ({SUMMARY}: {error.strerror}); give NAME.study,"
            " which tune writes beside NAME.policy"
        ) from error


def _decoded(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        summary = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise TrackingError(f"{path}: {error}; tune again") from error
    if summary.get("streamed"):
        raise TrackingError(
            f"{path.parent}: its log was read in batches, and has no single requests to record in"
            " MLflow; tune without `workers` on a log that fits into memory"
        )
    if lacking := [key for key in ("policy_digest", "provenance", "test") if key not in summary]:
        raise TrackingError(f"{path}: lacks {', '.join(lacking)}; tune again with this version")
    return summary
