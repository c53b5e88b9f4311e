"""Recording a study where MLflow may be missing or out of reach: never at the study's cost."""

from __future__ import annotations

from pathlib import Path

from routelab import tracking
from routelab.cli.console import tell
from routelab.tracking import SentStudy
from routelab.tuning.study import study_path


def record(policy_dir: Path, report: Path | None = None, *, wanted: bool = True) -> None:
    """Record the study beside a policy in MLflow; a failure is printed, with the way out.

    Args:
        policy_dir: the policy directory.
        report: stored with it.
        wanted: False only says that nothing was recorded.
    """
    if not wanted:
        tell("not recorded in MLflow, as asked (--no-tracking)")
        return
    path = study_path(policy_dir)
    try:
        tracking.mark(path, policy_dir, report)
        sent = tracking.send(path)
    except Exception as error:  # noqa: BLE001  (whatever a store raises, the study is safe)
        tell(f"not recorded in MLflow: {error}")
        tell(f"the study is stored in {path}; to record it later: routelab track sync {path}")
    else:
        tell(f"{tracking_note(sent)} (--no-tracking records nothing)")


def tracking_note(sent: SentStudy) -> str:
    """A line that says where a recorded study is."""
    verb = "already recorded" if sent.already else "recorded"
    policy = "" if sent.version is None else f", policy {sent.model} version {sent.version}"
    return f"{verb} in MLflow at {sent.uri}: {sent.experiment}, run {sent.run_id}{policy}"
