"""The log of a study as an MLflow dataset: its name and digest, never its content."""

from __future__ import annotations

from typing import Any

import msgspec

from routelab.tracking.bundle import Bundle

_DIGEST = 36  # characters that MLflow keeps


def log_input(client: Any, run: Any, bundle: Bundle) -> None:
    """Name the log as the run's input, unless the run has it."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    if run.inputs is not None and run.inputs.dataset_inputs:
        return
    made, cut = bundle.summary["provenance"], bundle.summary["splits"]
    log = Dataset(
        name=made["log"][:500],
        digest=made["log_sha256"][:_DIGEST],
        source_type="routelab log",
        source=_json({"name": made["log"], "sha256": made["log_sha256"]}),
        profile=_json({"num_rows": sum(cut["n"].values()) + cut["dropped"], **cut["n"]}),
    )
    tags = [InputTag("mlflow.data.context", "tune and test")]
    client.log_inputs(run.info.run_id, [DatasetInput(log, tags)])


def _json(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data).decode()
