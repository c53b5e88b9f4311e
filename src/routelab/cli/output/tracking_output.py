"""Recording a study where MLflow may be missing or out of reach: never at the study's cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from routelab import tracking
from routelab.cli.console import tell
from routelab.tracking import SentStudy, StudyRecorder
from routelab.tuning.study import study_path


@contextmanager
def recorder(*, wanted: bool) -> Iterator[StudyRecorder | None]:
    """A process that loads MLflow during the block; None where it is not wanted, or cannot be."""
    started = StudyRecorder.start() if wanted else None
    try:
        yield started
    finally:
        if started is not None:
            started.dismiss()


def record(
    policy_dir: Path,
    report: Path | None = None,
    *,
    wanted: bool = True,
    by: StudyRecorder | None = None,
) -> None:
    """Record the study beside a policy in MLflow; a failure is printed, with the way out.

    Args:
        policy_dir: the policy directory.
        report: stored with it.
        wanted: False only says that nothing was recorded.
        by: the process that does it, and goes on if it takes long; None does it here.
    """
    if not wanted:
        tell("not recorded in MLflow, as asked (--no-tracking)")
        return
    path = study_path(policy_dir)
    try:
        tracking.mark(path, policy_dir, report)
        sent = tracking.send(path) if by is None else by.record(path, tracking.patience_s())
    except Exception as error:  # noqa: BLE001  (whatever a store raises, the study is safe)
        tell(f"not recorded in MLflow: {error}")
        tell(f"the study is stored in {path}; to record it later: routelab track sync {path}")
        return
    if sent is None:
        tell(
            f"recording in MLflow at {tracking.shown_uri()} goes on in the background (routelab"
            f" track sync {path} waits for it; --no-tracking records nothing)"
        )
    else:
        tell(f"{tracking_note(sent)} (--no-tracking records nothing)")


def tracking_note(sent: SentStudy) -> str:
    """A line that says where a recorded study is."""
    verb = "already recorded" if sent.already else "recorded"
    policy = "" if sent.version is None else f", policy {sent.model} version {sent.version}"
    return f"{verb} in MLflow at {sent.uri}: {sent.experiment}, run {sent.run_id}{policy}"
