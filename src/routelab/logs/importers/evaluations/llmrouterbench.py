"""LLMRouterBench: its records, one a model and query.

Source: https://github.com/ynulihao/LLMRouterBench, arXiv 2601.07206.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    amount,
    number,
    text,
)

_UNGRADED = SkippedRecord("has no score")


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path, columns
    return _convert


def _convert(record: Fields, _file: Path) -> Converted:
    score = number(record.get("score"))
    if score is None:
        return _UNGRADED
    dataset = text(record.get("dataset_id"))
    place = (dataset, text(record.get("split")), text(record.get("record_index")))
    prompt = text(record.get("prompt") or record.get("origin_query"))
    answer = record.get("prediction")
    return LoggedCall(
        request_id="/".join(it for it in place if it),
        model=text(record.get("model_name")),
        task=dataset,
        messages=prompt or None,
        response=answer if isinstance(answer, str) else None,
        quality=score,
        cost_usd=amount(record.get("cost")),
        prompt_tokens=amount(record.get("prompt_tokens")),
        completion_tokens=amount(record.get("completion_tokens")),
    )


IMPORTER = CallImporter(
    name="llmrouterbench",
    summary="LLMRouterBench's records.",
    layout="a file or folder of JSON, JSON Lines or Parquet, one record a model and query.",
    example="bench",
    open=_open,
    rows_at=("records", "data"),
    traffic=False,
)
