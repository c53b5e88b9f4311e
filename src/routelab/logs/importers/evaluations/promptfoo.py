"""promptfoo: results of `promptfoo eval -o`.

Source: EvaluateSummaryV3 and EvaluateResult of promptfoo's `src/types/index.ts`.
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
    counted,
    fields,
    first,
    number,
    parsed,
    text,
)

_UNGRADED = SkippedRecord("has no grade: its grader failed")
_FAILED_CALL = 2


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path, columns
    return _convert


def _convert(record: Fields, _file: Path) -> Converted:
    response, provider = fields(record.get("response")), fields(record.get("provider"))
    grading = fields(record.get("gradingResult"))
    failed = number(record.get("failureReason")) == _FAILED_CALL
    if _grader_failed(grading):
        return _UNGRADED
    score = number(record.get("score"))
    if score is None and isinstance(record.get("success"), bool):
        score = float(record["success"])
    usage = fields(response.get("tokenUsage") or record.get("tokenUsage"))
    details = fields(usage.get("completionDetails"))
    cached = bool(response.get("cached"))
    took_ms = amount(first({**record, **response}, "latencyMs"))
    prompt = text(fields(record.get("prompt")).get("raw"))
    answer = response.get("output")
    return LoggedCall(
        request_id=f"{_prompt_name(record)}/{text(record.get('testIdx', 0))}",
        model=text(provider.get("label") or provider.get("id")),
        task=text(fields(record.get("testCase")).get("description")),
        messages=parsed(prompt) if prompt else None,
        response=answer if isinstance(answer, str) else None,
        quality=None if failed else score,
        cost_usd=None if cached else amount(first({**response, **record}, "cost")),
        latency_s=None if cached or took_ms is None else took_ms / 1e3,
        error=(text(record.get("error") or response.get("error")) or "failed") if failed else "",
        **counted(
            None if cached else usage.get("prompt"),
            None if cached else usage.get("completion"),
            None if cached else details.get("cacheReadInputTokens"),
            None if cached else details.get("cacheCreationInputTokens"),
            reasoning=None if cached else details.get("reasoning"),
        ),
    )


def _prompt_name(record: Fields) -> str:
    """One for all providers; `promptIdx` counts a prompt anew for each of them."""
    if known := text(record.get("promptId")):
        return known[:12]
    return text(fields(record.get("prompt")).get("label"))


def _grader_failed(grading: Fields) -> bool:
    """Whether a grade of zero is none: its grader failed, for the whole or for one assertion."""
    parts = grading.get("componentResults")
    every = [grading, *map(fields, parts if isinstance(parts, list) else ())]
    return any(fields(it.get("metadata")).get("graderError") for it in every)


IMPORTER = CallImporter(
    name="promptfoo",
    summary="promptfoo results, joined over providers by prompt and test.",
    layout="out.json or out.jsonl of `promptfoo eval -o`.",
    example="out.json",
    open=_open,
    suffixes=(".json", ".jsonl"),
    rows_at=("results.results", "results"),
    traffic=False,
    notes=("replies of promptfoo's cache have neither cost, tokens nor latency",),
)
