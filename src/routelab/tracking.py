"""Record a study in MLflow: one run, found again by its tags; the only user of MLflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENT = "routelab"


def record(summary: Mapping[str, Any], name: str, policy_dir: Path, study_dir: Path) -> str:
    """Record a finished study as one run and give the run's id.

    Args:
        summary: what `routelab.tuning.export.as_json` gives.
        policy_dir, study_dir: stored with the run as artifacts.
    Raises:
        ModuleNotFoundError: MLflow is not installed.
        Exception: whatever MLflow raises when its store cannot be reached.
    """
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import mlflow

    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_URI))
    mlflow.set_experiment(EXPERIMENT)
    provenance = summary["provenance"]
    with mlflow.start_run(run_name=name) as run:
        mlflow.set_tags(
            {
                "routelab.verdict": summary["verdict"],
                "routelab.version": provenance["routelab"],
                "routelab.log_sha256": provenance["log_sha256"],
                "routelab.prices_sha256": provenance["prices_sha256"],
            }
        )
        mlflow.log_params({key: str(it)[:500] for key, it in provenance["options"].items()})
        mlflow.log_metrics(_metrics(summary))
        mlflow.log_artifacts(str(policy_dir), policy_dir.name)
        mlflow.log_artifacts(str(study_dir), study_dir.name)
        found: str = run.info.run_id
    return found


def _metrics(summary: Mapping[str, Any]) -> dict[str, float]:
    test = summary["test"]
    names = ("quality", "usd_per_1k", "aiq", "aiq_zero_router", "gain_vs_zero_router")
    return {f"test.{name}": test[name] for name in names} | {
        "test.gain_low": test["gain_ci"][0],
        "test.gain_high": test["gain_ci"][1],
        "test.aiq_front": summary["aiq_front"],
    }
