"""RouterArena: predictions of a router.

Source: https://github.com/RouteWorks/RouterArena, prediction files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
    number,
    text,
)

_OPTIMALITY = SkippedRecord(
    "is the answer of a model that the router did not choose; the column rows=all takes it"
)
_UNGRADED = SkippedRecord("was not answered or not graded")


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path
    rows = columns.get("rows", "chosen")
    if rows not in ("all", "chosen"):
        raise LogError(f"column rows={rows}: write all, or chosen")

    def convert(record: Fields, _file: Path) -> Converted:
        return _call(record, everything=rows == "all")

    return convert


def _call(record: Fields, *, everything: bool) -> Converted:
    if record.get("for_optimality") and not everything:
        return _OPTIMALITY
    result = fields(record.get("generated_result"))
    quality, usage = number(record.get("accuracy")), fields(result.get("token_usage"))
    if quality is None:
        return _UNGRADED
    answer = result.get("generated_answer")
    error = "" if result.get("success", True) else text(result.get("error")) or "failed"
    return LoggedCall(
        request_id=text(record.get("global index", record.get("global_index"))),
        model=text(record.get("prediction")),
        messages=text(record.get("prompt")) or None,
        response=answer if isinstance(answer, str) else None,
        quality=None if error else quality,  # the arena writes 0 where there was no answer
        cost_usd=amount(record.get("cost")),
        prompt_tokens=amount(usage.get("input_tokens")),
        completion_tokens=amount(usage.get("output_tokens")),
        error=error,
        attempt=0 if everything else None,
        propensity=None if everything else 1.0,
    )


IMPORTER = CallImporter(
    name="routerarena",
    summary="RouterArena prediction files.",
    layout="a prediction file; the column rows=all takes the answers for optimality, too.",
    example="predictions.json",
    open=_open,
    suffixes=(".json", ".jsonl"),
)
