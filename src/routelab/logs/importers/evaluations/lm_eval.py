"""lm-evaluation-harness: samples that it logs with log_samples.

Source: `lm_eval/loggers/evaluation_tracker.py` of lm-eval 0.4.13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from routelab.errors import LogError
from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    fields,
    number,
    text,
)

_OTHER_FILTER = SkippedRecord("is the same answer read by another filter")
_NO_METRIC = SkippedRecord("has no metric between 0 and 1")
_FILE = re.compile(r"samples_(?P<task>.+?)_(\d{4}-\d\d-\d\dT.*)\.jsonl(\.gz)?")
_USUAL = ("exact_match", "acc_norm", "acc", "pass@1", "prompt_level_strict_acc", "f1", "rougeL")


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    """One filter and one metric are read: those that the user names, else the first of each task.

    Raises:
        LogError: no file is named as the harness names them.
    """
    files = [path] if path.is_file() else sorted(path.rglob("samples_*.jsonl*"))
    if not any(_FILE.fullmatch(it.name) for it in files):
        raise LogError(f"{path}: has no samples_TASK_DATE.jsonl; run lm_eval with log_samples")
    filters: dict[str, str] = {}

    named = cache(_named)

    def convert(record: Fields, file: Path) -> Converted:
        return _call(record, *named(file), columns, filters)

    return convert


def _call(
    record: Fields, task: str, model: str, columns: Mapping[str, str], filters: dict[str, str]
) -> Converted:
    chosen = columns.get("filter") or filters.setdefault(task, text(record.get("filter")))
    if text(record.get("filter")) != chosen:
        return _OTHER_FILTER
    quality = _metric(record, columns.get("metric", ""))
    if quality is None:
        return _NO_METRIC
    arguments = fields(fields(record.get("arguments")).get("gen_args_0"))
    prompt = arguments.get("arg_0")
    answers = record.get("filtered_resps")
    answer = answers[0] if isinstance(answers, list) and answers else None
    key = text(record.get("doc_hash")) or text(record.get("doc_id"))
    return LoggedCall(
        request_id=f"{task}/{key}",
        model=model,
        task=task,
        messages=prompt if isinstance(prompt, str) else text(prompt) or None,
        response=answer if isinstance(answer, str) else None,
        quality=quality,
    )


def _metric(record: Fields, asked: str) -> float | None:
    listed = record.get("metrics")
    names = [asked] if asked else [*_USUAL, *(listed if isinstance(listed, list) else ())]
    for name in names:
        found = number(record.get(name))
        if isinstance(record.get(name), bool):
            found = float(record[name])
        if found is not None and 0.0 <= found <= 1.0:
            return found
    return None


def _named(file: Path) -> tuple[str, str]:
    """The task and the model that a file is of: by its name, and by its folder's."""
    match = _FILE.fullmatch(file.name)
    return match["task"] if match else file.stem, file.parent.name


IMPORTER = CallImporter(
    name="lm-eval",
    summary="lm-evaluation-harness samples (log_samples), joined over models.",
    layout="the output folder, with a folder a model; the columns metric=NAME and filter=NAME"
    " choose.",
    example="results",
    open=_open,
    suffixes=(".jsonl",),
    named="samples_*",
    traffic=False,
    notes=(
        "the harness records no tokens, cost or latency: with a price list tokens are estimated"
        " from texts where the log is read",
    ),
)
