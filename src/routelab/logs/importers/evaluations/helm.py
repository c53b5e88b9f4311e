"""HELM: the folders of its runs.

Source: `request_state.py`, `metric.py` and `run_display.py` of crfm-helm.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from routelab.errors import LogError
from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    amount,
    fields,
    moment_s,
    number,
    text,
)

_PERTURBED = SkippedRecord("is a perturbed instance, which stands for another")
_UNGRADED = SkippedRecord("has no metric between 0 and 1")
_CHOICE = SkippedRecord("is one reference of several that were asked for on their own")
_USUAL = (
    "exact_match",
    "quasi_exact_match",
    "final_number_exact_match",
    "math_equiv",
    "f1_score",
    "rouge_l",
)


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path
    metric, stats = columns.get("metric", ""), cache(_stats)

    def convert(record: Fields, file: Path) -> Converted:
        return _call(record, file, stats(file.parent), metric)

    return convert


def _call(record: Fields, file: Path, stats: Mapping[str, Fields], metric: str) -> Converted:
    instance, sent = fields(record.get("instance")), fields(record.get("request"))
    result = fields(record.get("result"))
    if instance.get("perturbation"):
        return _PERTURBED
    if record.get("reference_index") is not None:
        return _CHOICE
    own, trial = text(instance.get("id")), int(number(record.get("train_trial_index")) or 0)
    marks = stats.get(f"{own}/{trial}", {})
    names = [metric] if metric else [it for it in _USUAL if it in marks]
    quality = number(marks.get(names[0])) if names else None
    if quality is None or not 0.0 <= quality <= 1.0:
        return _UNGRADED
    completions = result.get("completions")
    first = fields(completions[0]) if isinstance(completions, list) and completions else {}
    cached = bool(result.get("cached"))
    return LoggedCall(
        request_id=f"{_scenario(file.parent.name)}/{own}",
        model=text(sent.get("model")),
        task=_scenario(file.parent.name).split(":", 1)[0],
        attempt=trial,
        messages=text(sent.get("prompt")) or fields(instance.get("input")).get("text"),
        response=text(first.get("text")) if first else None,
        quality=quality if result.get("success", True) else None,
        latency_s=None if cached else amount(result.get("request_time")),
        timestamp=moment_s(result.get("request_datetime")),
        prompt_tokens=amount(marks.get("num_prompt_tokens")),
        completion_tokens=amount(
            marks.get("num_output_tokens", marks.get("num_completion_tokens"))
        ),
        error="" if result.get("success", True) else "failed",
    )


def _scenario(folder: str) -> str:
    """A run's name without its model, which all models' runs share."""
    name, _, rest = folder.partition(":")
    kept = [it for it in rest.split(",") if not it.startswith(("model=", "model_deployment="))]
    return ":".join(filter(None, (name, ",".join(kept))))


def _stats(folder: Path) -> Mapping[str, Fields]:
    """Means by instance and trial, then by metric."""
    path = folder / "per_instance_stats.json"
    try:
        rows: Any = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise LogError(
            f"{path}: grades of the run stand there, and are not read: {error}"
        ) from error
    found: dict[str, dict[str, Any]] = {}
    for row in rows if isinstance(rows, list) else ():
        if fields(row).get("perturbation"):
            continue
        key = f"{row.get('instance_id')}/{int(number(row.get('train_trial_index')) or 0)}"
        marks = found.setdefault(key, {})
        for stat in row.get("stats", ()):
            name = text(fields(fields(stat).get("name")).get("name"))
            marks.setdefault(name, fields(stat).get("mean"))
    return found


IMPORTER = CallImporter(
    name="helm",
    summary="HELM runs, joined over models by instance.",
    layout="a folder of run folders, each with scenario_state.json and per_instance_stats.json;"
    " the column metric=NAME chooses.",
    example="benchmark_output/runs/latest",
    open=_open,
    suffixes=(".json",),
    named="scenario_state.json",
    rows_at=("request_states",),
    traffic=False,
    notes=("replies of HELM's cache have no latency",),
)
