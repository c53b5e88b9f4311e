"""A study as MLflow runs: a parent for the study, a child for each point worth a look.

Every step looks before it writes, so that sending again what was sent in part completes it.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterable, Mapping
from typing import Any

from routelab.tracking import names
from routelab.tracking.bundle import Bundle
from routelab.tracking.headline import baseline_figures, headline, note, point_headline
from routelab.tracking.points import LoggedPoint, points

STUDY_TAG = "routelab.study_sha256"
POINT_TAG = "routelab.point"
PARENT_TAG = "mlflow.parentRunId"
FINISHED = "FINISHED"

_TEST = ("quality", "usd_per_1k", "escalation_rate", "aiq", "gain_vs_zero_router", "latency_p50_s",
         "latency_p95_s")  # fmt: skip


def find(client: Any, experiment_id: str, digest: str) -> Any:
    """The run of a study, finished or not; None without one."""
    found = client.search_runs(
        [experiment_id], f"tags.`{STUDY_TAG}` = '{digest}'", order_by=["attributes.start_time ASC"]
    )
    return found[0] if found else None


def parent(client: Any, experiment_id: str, bundle: Bundle) -> Any:
    """Start the run of a study."""
    return client.create_run(
        experiment_id, start_time=_now_ms(), tags=_tags(bundle), run_name=names.run(bundle.summary)
    )


def describe(client: Any, run: Any, bundle: Bundle) -> None:
    """Log what was asked for, and the figures on test."""
    summary = bundle.summary
    measured = {
        **headline(summary),
        **_figures(summary["test"], "test"),
        **baseline_figures(summary),
        "test/aiq_front": summary["aiq_front"],
        "test/aiq_zero_router": summary["test"]["aiq_zero_router"],
        **{f"test/optimism_{key}": it for key, it in summary["optimism"].items()},
        **{f"bound/{names.metric(it['bound'])}": it["test"] for it in summary.get("bounds", ())},
        **{
            f"importance/{names.metric(key)}": it
            for key, it in ((summary.get("search") or {}).get("importance") or {}).items()
        },
    }
    _batch(client, run, measured, _asked(summary))


def step_metric(client: Any, run: Any, name: str, values: Mapping[int, float]) -> None:
    """Log a metric by step, in one request; at most 1,000 values."""
    from mlflow.entities import Metric

    start = run.info.start_time
    logged = [Metric(name, value, start + step, step) for step, value in values.items()]
    client.log_batch(run.info.run_id, metrics=logged, synchronous=True)


def children(client: Any, run: Any, bundle: Bundle) -> None:
    """Log a run for each point; those that are there and finished stay as they are."""
    info = run.info
    there = {
        it.data.tags.get(POINT_TAG): it
        for it in client.search_runs([info.experiment_id], f"tags.`{PARENT_TAG}` = '{info.run_id}'")
    }
    for point in _newest_first(points(bundle.summary)):
        child = there.get(point.key)
        if child is None:
            tags = _child_tags(run, bundle, point)
            child = client.create_run(info.experiment_id, _now_ms(), tags, point.name)
        if child.info.status != FINISHED:
            measured = _figures(point.tune, "tune") | _figures(point.test, "test")
            measured |= point_headline(point.test)
            _batch(client, child, measured, dict(names.params(point.policy)))
            client.set_terminated(child.info.run_id)


def _newest_first(listed: list[LoggedPoint]) -> list[LoggedPoint]:
    """So that a list by time shows the exported point first, then the others by rising cost."""
    return sorted(listed, key=lambda it: ("exported" in it.roles, bool(it.roles), -int(it.key)))


def _tags(bundle: Bundle) -> dict[str, str]:
    summary, made = bundle.summary, bundle.summary["provenance"]
    tags = {
        "verdict": summary["verdict"],
        "policy": names.policy(bundle.policy.document.policy),
        "routelab.kind": str(bundle.policy.document.policy["kind"]),
        "routelab.verdict": summary["verdict"],
        "routelab.log": made["log"],
        "routelab.seed": str(made["options"]["seed"]),
        "routelab.version": made["routelab"],
        STUDY_TAG: bundle.digest,
        "routelab.policy_sha256": bundle.policy.digest,
        **{f"routelab.{key}": made[key] for key in ("log_sha256", "costs_sha256", "prices_sha256")},
        "mlflow.note.content": note(summary),
        "mlflow.source.name": "routelab tune",
        "mlflow.source.type": "LOCAL",
    }
    if saving := summary.get("saving"):
        tags["routelab.saving"] = saving["word"]
    if on_bounds := summary["operating_points"][0].get("on_bounds"):
        tags["routelab.bounds"] = on_bounds
    if (certificate := summary.get("certificate")) is not None:
        tags["routelab.certificate"] = certificate["text"]
    if bundle.git_commit is not None:
        tags["mlflow.source.git.commit"] = bundle.git_commit
    return {**tags, **_user()}


def _child_tags(run: Any, bundle: Bundle, point: LoggedPoint) -> dict[str, str]:
    tags = {
        PARENT_TAG: run.info.run_id,
        POINT_TAG: point.key,
        "routelab.kind": str(point.policy["kind"]),
        "routelab.version": bundle.summary["provenance"]["routelab"],
        "mlflow.source.name": "routelab tune",
        "mlflow.source.type": "LOCAL",
        **_user(),
    }
    return tags | ({"routelab.operating_point": ", ".join(point.roles)} if point.roles else {})


def _user() -> dict[str, str]:
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):
        return {}


def _asked(summary: Mapping[str, Any]) -> dict[str, str]:
    """The options that were given; what was left open is not a parameter."""
    options = dict(summary["provenance"]["options"])
    bounds = dict(options.pop("bounds") or {})
    floors = bounds.pop("floors", ())
    options |= bounds
    options["floors"] = [f"{it['by']}={it['loss']:g}" for it in floors]
    options["models"] = summary["candidates"]
    options.pop("name")
    return {
        key: ", ".join(map(str, value))[:6000] if isinstance(value, list) else str(value)[:6000]
        for key, value in options.items()
        if value is not None and value is not False and value != []
    }


def _figures(test: Mapping[str, Any], part: str) -> dict[str, float | None]:
    found = {f"{part}/{key}": test.get(key) for key in _TEST}
    if test.get("gain_ci"):
        found[f"{part}/gain_low"], found[f"{part}/gain_high"] = test["gain_ci"]
    return found


def _batch(
    client: Any, run: Any, measured: Mapping[str, float | None], params: Mapping[str, str]
) -> None:
    """One request; a figure that does not exist is left out."""
    from mlflow.entities import Metric, Param

    start = run.info.start_time
    metrics = [Metric(key, it, start, 0) for key, it in measured.items() if it is not None]
    for some in _by_hundreds([Param(*item) for item in params.items()]):
        client.log_batch(run.info.run_id, metrics=metrics, params=some, synchronous=True)


def _by_hundreds(params: list[Any]) -> Iterable[list[Any]]:
    """MLflow takes 100 parameters a request."""
    yield from (params[i : i + 100] for i in range(0, max(len(params), 1), 100))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
