"""Phoenix: the frame of its spans, with annotations.

Source: `get_spans_dataframe` and `get_span_annotations_dataframe` of arize-phoenix-client 3.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    decoded,
    fields,
    moment_s,
    number,
    parsed,
    record_files,
    records,
    text,
)
from routelab.logs.importers.traffic.otlp import span_call

_MARK = SkippedRecord("is an annotation, which is joined to its span")
_JUDGE = SkippedRecord("is a call of a judge, and no traffic")
_BEFORE = "attributes."
_MESSAGES = ("llm.input_messages", "llm.output_messages")


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    """Annotations are joined by span; those of people, judges and code apart."""
    del columns
    marks: dict[str, dict[str, float]] = {}
    judges: set[str] = set()
    for file in record_files(path, IMPORTER.suffixes):
        for record in records(file):
            row = decoded(record.raw)
            if "annotation_name" in row:
                _mark(row, marks)
            elif text(row.get("span_kind")).upper() == "EVALUATOR":
                whole = row.get("context.trace_id") if not row.get("parent_id") else None
                judges.add(text(whole or row.get("context.span_id")))

    def convert(record: Fields, _file: Path) -> Converted:
        if judges and not judges.isdisjoint(
            (record.get("parent_id"), record.get("context.trace_id"))
        ):
            return _JUDGE
        return _call(record, marks)

    return convert


def _call(record: Fields, marks: Mapping[str, Mapping[str, float]]) -> Converted:
    if "annotation_name" in record:
        return _MARK
    own = text(record.get("context.span_id") or record.get("span_id"))
    found = span_call(
        {"openinference.span.kind": record.get("span_kind"), **dict(_attributes(record))},
        {
            "id": own,
            "parent": record.get("parent_id"),
            "trace": record.get("context.trace_id"),
            "start": moment_s(record.get("start_time")),
            "end": moment_s(record.get("end_time")),
            "status": record.get("status_code"),
            "message": record.get("status_message"),
        },
    )
    if isinstance(found, LoggedCall) and own in marks:
        found.numbers = marks[own]
    return found


def _attributes(record: Fields) -> Iterator[tuple[str, Any]]:
    """OpenInference attributes by name, where the frame has some of them as objects."""
    for column, value in record.items():
        if not column.startswith(_BEFORE) or value is None:
            continue
        name = column.removeprefix(_BEFORE)
        if name in _MESSAGES:
            for at, message in enumerate(_list(parsed(value))):
                for key, it in message.items():
                    yield f"{name}.{at}.{key if '.' in key else f'message.{key}'}", it
        elif isinstance(value, Mapping):
            yield from ((f"{name}.{key}", it) for key, it in value.items() if it is not None)
        else:
            yield name, value


def _mark(row: Fields, marks: dict[str, dict[str, float]]) -> None:
    score = number(row.get("result.score", fields(row.get("result")).get("score")))
    own = text(row.get("span_id"))
    if score is None or not own:
        return
    source = {"HUMAN": "human", "LLM": "judge", "CODE": "code"}.get(
        text(row.get("annotator_kind")).upper(), "other"
    )
    marks.setdefault(own, {})[f"{source}.{text(row['annotation_name'])}"] = score


def _list(value: object) -> list[Mapping[str, Any]]:
    return [it for it in value if isinstance(it, Mapping)] if isinstance(value, list) else []


IMPORTER = CallImporter(
    name="phoenix",
    summary="Phoenix's frames of spans and of their annotations.",
    layout="a folder or file: the frames as Parquet, CSV or JSON Lines, reset_index() first.",
    example="phoenix-export",
    open=_open,
)
