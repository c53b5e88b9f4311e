"""The exported policy as a version of a registered model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from routelab.tracking import names
from routelab.tracking.bundle import Bundle
from routelab.tracking.runs import STUDY_TAG
from routelab.version import __version__

CHALLENGER, CHAMPION = "challenger", "champion"
KIND_TAG = "routelab.kind"
POLICY_TAG = "routelab.policy_sha256"

CODE = Path(__file__).with_name("decider.py")


class RegisteredVersion(NamedTuple):
    """A version of a registered model, by its name there."""

    name: str
    version: str


def register(client: Any, run: Any, bundle: Bundle) -> RegisteredVersion:
    """Register the policy, and say as what; a study's version is made once.

    A policy with the verdict "ship" becomes `@challenger`.
    """
    found = version_of(client, bundle)
    name = names.registered(bundle.name) if found is None else found.name
    version = _create(client, run, bundle, name) if found is None else found.version
    if bundle.summary["verdict"] == "ship":
        client.set_registered_model_alias(name, CHALLENGER, version)
    return RegisteredVersion(name, version)


def version_of(client: Any, bundle: Bundle) -> RegisteredVersion | None:
    """What a study registered; None if there is nothing."""
    # Version 0.1.0 gave two policies whose names differ in odd characters one name.
    for name in dict.fromkeys((names.registered(bundle.name), names.plain(bundle.name))):
        for it in client.search_model_versions(f"name='{name}'"):
            if it.tags.get(STUDY_TAG) == bundle.digest:
                return RegisteredVersion(name, str(it.version))
    return None


def _create(client: Any, run: Any, bundle: Bundle, name: str) -> str:
    _ensure(client, name)
    model_id = _logged(client, run, bundle)
    made = client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=run.info.run_id,
        model_id=model_id,
        tags=_tags(bundle),
        description=(bundle.policy.path / "card.md").read_text(encoding="utf-8"),
    )
    return str(made.version)


def _ensure(client: Any, name: str) -> None:
    """Make the registered model, unless it is there."""
    if not client.search_registered_models(f"name='{name}'"):
        about = f"Routing policy {name}: decides which models answer a request."
        client.create_registered_model(name, {KIND_TAG: "policy"}, about)


def _logged(client: Any, run: Any, bundle: Bundle) -> str:
    """Log the policy as a model of the run; what an earlier attempt left half-done goes."""
    info = run.info
    for left in client.search_logged_models(
        [info.experiment_id], f"source_run_id = '{info.run_id}'"
    ):
        client.delete_logged_model(left.model_id)
    model = client.create_logged_model(
        info.experiment_id,
        names.logged(bundle.name),
        source_run_id=info.run_id,
        tags={POLICY_TAG: bundle.policy.digest},
        params=dict(names.params(bundle.policy.document.policy)),
        model_type="routing policy",
    )
    with tempfile.TemporaryDirectory() as folder:
        # MLflow takes a path for a URL: `%20` and `#` in its name would lead elsewhere.
        policy = Path(folder) / f"{names.plain(bundle.name)}.policy"
        policy.mkdir()
        for file in bundle.policy.files:
            shutil.copy(file, policy / file.name)
        _save(Path(folder) / "model", model, bundle, policy)
        client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
    client.finalize_logged_model(model.model_id, "READY")
    _output(client, run, model.model_id)
    model_id: str = model.model_id
    return model_id


def _save(path: Path, model: Any, bundle: Bundle, policy: Path) -> None:
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    save_model(
        str(path),
        python_model=str(CODE),
        artifacts={"policy": str(policy)},
        pip_requirements=[f"routelab=={__version__}"],
        signature=_signature(bundle),
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            run_id=model.source_run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        ),
    )


_TOLD = ("prompt", "messages", "task", "tenant", "priority")
"""What a policy may look at beside confidences."""


def _signature(bundle: Bundle) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    policy = bundle.policy.policy
    confidences = [f"{m}.{s}" for m in policy.models_used for s in policy.signals_used]
    words = Array(DataType.string)
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec("string", "request_id"),
                *(ColSpec("string", name, required=False) for name in _TOLD),
                ColSpec(words, "needs", required=False),
                *(ColSpec("double", name, required=False) for name in confidences),
            ]
        ),
        outputs=Schema(
            [ColSpec("string", "request_id"), ColSpec(words, "calls"), ColSpec("string", "answer")]
        ),
    )


def _output(client: Any, run: Any, model_id: str) -> None:
    from mlflow.entities import LoggedModelOutput

    client.log_outputs(run.info.run_id, [LoggedModelOutput(model_id, 0)])


def _tags(bundle: Bundle) -> dict[str, str]:
    test = bundle.summary["test"]
    low, high = test["gain_ci"]
    return {
        STUDY_TAG: bundle.digest,
        POLICY_TAG: bundle.policy.digest,
        "routelab.verdict": bundle.summary["verdict"],
        "routelab.gain": f"{test['gain_vs_zero_router']:+z.6f}",
        "routelab.gain_low": f"{low:+z.6f}",
        "routelab.gain_high": f"{high:+z.6f}",
        "routelab.quality": f"{test['quality']:.6f}",
        "routelab.usd_per_1k": f"{test['usd_per_1k']:.6f}",
        "routelab.version": bundle.summary["provenance"]["routelab"],
    }
