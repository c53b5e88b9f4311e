"""Send a stored study to MLflow: once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from routelab.logs.formats import table_columns
from routelab.stats import evenly
from routelab.tracking import bundle as bundles
from routelab.tracking import database, dataset, model, names, pending_studies, runs, store
from routelab.tracking.bundle import Bundle
from routelab.tracking.curve import hypervolumes

STEPS = 900
"""Steps of a metric that go in one request."""

_KIND = "mlflow.experimentKind"
_ABOUT = {
    _KIND: "custom_model_development",  # opens the training view, not GenAI's
    "mlflow.note.content": "Routing policies: a run for each study, below it runs for its"
    " operating points and the front of cost against quality on the tune part.",
}


class SentStudy(NamedTuple):
    """Where a recorded study is.

    Attributes:
        experiment: that holds the run.
        run_id: of the study's run.
        study: the study directory.
        uri: of the store, without user and password.
        model: name of the registered model.
        version: of the registered model.
        already: it was there before, whole.
    """

    study: str
    uri: str
    experiment: str
    run_id: str
    model: str
    version: str | None
    already: bool


def send(study: Path, *, on_held: Callable[[], object] | None = None) -> SentStudy:
    """Record a study directory as runs, artifacts and a registered model.

    What an earlier attempt left unfinished is completed; a study that is there is left alone.

    Args:
        study: the directory NAME.study.
        on_held: called once no other process records the study.
    Raises:
        MissingExtraError: MLflow is not installed.
        TrackingError: the store cannot be reached, or the study cannot be read.
        PolicyFileError: the policy directory is missing or damaged.
    """
    with database.alone(study):
        if on_held is not None:
            on_held()
        bundle = bundles.read(study)
        with store.connected() as client:
            experiment_id = _experiment(client)
            run = runs.find(client, experiment_id, bundle.digest)
            already = run is not None and run.info.status == runs.FINISHED
            run = run or runs.parent(client, experiment_id, bundle)
            made = model.version_of(client, bundle) if already else _fill(client, run, bundle)
        pending_studies.clear(study)
    place = (str(study), store.shown_uri(), store.experiment())
    name, version = made or (names.registered(bundle.name), None)
    return SentStudy(*place, run.info.run_id, name, version, already)


def _fill(client: Any, run: Any, bundle: Bundle) -> model.RegisteredVersion:
    """Everything below the parent run, which is finished last."""
    run_id: str = run.info.run_id
    runs.describe(client, run, bundle)
    _curve(client, run, bundle)
    dataset.log_input(client, run, bundle)
    for path in bundle.files:
        client.log_artifact(run_id, str(path), "study")
    for path in bundle.policy.files:
        client.log_artifact(run_id, str(path), "policy")
    if bundle.report is not None:
        client.log_artifact(run_id, str(bundle.report), "report")
    runs.children(client, run, bundle)
    made = model.register(client, run, bundle)
    client.set_terminated(run_id)
    return made


def _experiment(client: Any) -> str:
    name = store.experiment()
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            made: str = client.create_experiment(name, store.artifact_location(name), _ABOUT)
        except Exception:  # another process may have made it meanwhile
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
        else:
            return made
    kept: str = found.experiment_id
    if _KIND not in found.tags:  # made by hand
        client.set_experiment_tag(kept, _KIND, _ABOUT[_KIND])
    return kept


def _curve(client: Any, run: Any, bundle: Bundle) -> None:
    """The search's progress; nothing where there was no search."""
    summary = bundle.summary
    alone = {f"fixed:{name}" for name in summary["candidates"]}
    dearest = max(it["usd_per_1k"] for it in summary["baselines"] if it["name"] in alone)
    path = bundle.path / bundles.TRIALS
    trials = table_columns(path, ("usd_per_1k", "quality", "feasible"))
    if not trials["quality"] or dearest <= 0:
        return
    values = hypervolumes(trials["usd_per_1k"], trials["quality"], trials["feasible"], dearest)
    steps = evenly(len(values), STEPS)
    runs.step_metric(client, run, "hypervolume", {int(i): values[i] for i in steps})
