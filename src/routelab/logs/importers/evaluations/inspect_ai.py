"""inspect_ai: its evaluation logs, `.eval` or JSON.

Source: `EvalLog` version 2 and `EvalSample` of inspect_ai 0.3.285.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from routelab.errors import LogError
from routelab.logs.importers.calls import (
    CallImporter,
    CallRecord,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    amount,
    answer_of,
    counted,
    fields,
    moment_s,
    number,
    text,
)

_UNGRADED = SkippedRecord("has no score that is a number or C, P, I, N")
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def _read(path: Path, skip: int) -> Iterator[CallRecord]:
    found = _of_archive(path) if path.suffix == ".eval" else _of_json(path)
    for number_, (header, sample) in enumerate(found, 1):
        if number_ > skip:
            yield CallRecord(path, number_, {"header": header, "sample": sample})


def _of_archive(path: Path) -> Iterator[tuple[Fields, Fields]]:
    try:
        with zipfile.ZipFile(path) as archive:
            header = fields(msgspec.json.decode(archive.read("header.json")))
            for name in sorted(archive.namelist()):
                if name.startswith("samples/") and name.endswith(".json"):
                    yield header, fields(msgspec.json.decode(archive.read(name)))
    except (NotImplementedError, KeyError) as error:
        yield from _by_library(path, error)
    except (zipfile.BadZipFile, msgspec.DecodeError, OSError) as error:
        raise LogError(f"{path.name}: is no evaluation log of inspect_ai: {error}") from error


def _by_library(path: Path, error: Exception) -> Iterator[tuple[Fields, Fields]]:
    """Archives that Python's own reader cannot unpack, such as those of zstd."""
    try:
        from inspect_ai.log import read_eval_log, read_eval_log_samples
    except ImportError:
        raise LogError(
            f"{path.name}: is packed as this Python cannot read ({error}): install inspect_ai, or"
            " write it anew as JSON with inspect's own `log convert`"
        ) from error
    header = read_eval_log(str(path), header_only=True).model_dump(mode="json")
    for sample in read_eval_log_samples(str(path), all_samples_required=False):
        yield header, sample.model_dump(mode="json")


def _of_json(path: Path) -> Iterator[tuple[Fields, Fields]]:
    try:
        log = fields(msgspec.json.decode(path.read_bytes()))
    except msgspec.DecodeError as error:
        raise LogError(f"{path.name}: is no JSON: {error}") from error
    samples = log.get("samples")
    for sample in samples if isinstance(samples, list) else ():
        yield log, fields(sample)


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path
    scorer = columns.get("score", "")

    def convert(record: Fields, _file: Path) -> Converted:
        return _call(fields(record["header"]), fields(record["sample"]), scorer)

    return convert


def _call(header: Fields, sample: Fields, scorer: str) -> Converted:
    about = fields(header.get("eval"))
    model, task = text(about.get("model")), text(about.get("task"))
    scores = fields(sample.get("scores"))
    score = fields(scores.get(scorer) if scorer else next(iter(scores.values()), None))
    error = fields(sample.get("error"))
    quality = _grade(score.get("value"))
    if quality is None and not error:
        return _UNGRADED
    usage = fields(fields(sample.get("model_usage")).get(model))
    took = amount(sample.get("working_time"))
    epoch = number(sample.get("epoch")) or 1.0
    return LoggedCall(
        request_id=f"{task}/{text(sample.get('id'))}",
        model=model,
        task=task,
        attempt=int(epoch) - 1,
        messages=sample.get("input"),
        response=answer_of(sample.get("output")),
        quality=quality,
        latency_s=amount(sample.get("total_time")) if took is None else took,
        cost_usd=amount(usage.get("total_cost")),
        timestamp=moment_s(sample.get("started_at")),
        error=text(error.get("message")) or ("failed" if error else ""),
        **counted(
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            usage.get("input_tokens_cache_read"),
            usage.get("input_tokens_cache_write"),
            reasoning=usage.get("reasoning_tokens"),
            beside=True,
        ),
    )


def _grade(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value in _GRADES:
        return _GRADES[value]
    return number(value)


IMPORTER = CallImporter(
    name="inspect-ai",
    summary="inspect_ai evaluation logs, joined over models by sample; epochs are samples.",
    layout="a folder or file of .eval or .json logs; the column score=NAME chooses a scorer.",
    example="logs",
    open=_open,
    suffixes=(".eval", ".json"),
    read=_read,
    traffic=False,
)
