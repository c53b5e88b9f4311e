"""Recording a study where MLflow may be missing or out of reach: never at the study's cost."""

from __future__ import annotations

import logging
from pathlib import Path

from routelab import tracking
from routelab.cli.common import tell
from routelab.tuning import Study
from routelab.tuning.export import as_json, study_path


def record(study: Study, policy_dir: Path) -> None:
    """Record a study that is already stored; a failure is told and forgotten."""
    for chatty in ("alembic", "mlflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        run = tracking.record(
            as_json(study), study.options.name, policy_dir, study_path(policy_dir)
        )
    except ModuleNotFoundError:
        tell("not recorded: MLflow is not installed (pip install 'routelab[lab]')")
    except Exception as error:  # noqa: BLE001  (whatever the store raises, the study is safe)
        tell(f"not recorded in MLflow: {error}; the study is stored in {study_path(policy_dir)}")
    else:
        tell(f"recorded in MLflow: experiment {tracking.EXPERIMENT}, run {run}")
