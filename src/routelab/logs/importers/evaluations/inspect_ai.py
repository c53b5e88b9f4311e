"""inspect_ai: its evaluation logs, `.eval` or JSON.

Source: `EvalLog` version 2 and `EvalSample` of inspect_ai 0.3.285.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from routelab.core.storage import limits, raised
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
    first,
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
            members = {it.filename: it for it in archive.infolist()}
            header = fields(_json(_unpacked(archive, members[_HEADER])))
            for name in sorted(members):
                if name.startswith("samples/") and name.endswith(".json"):
                    yield header, fields(_json(_unpacked(archive, members[name])))
    except KeyError as error:
        raise LogError(
            f"{path.name}: has no {_HEADER}, which inspect_ai writes when an evaluation ends: it is"
            " cut off, or still running"
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise LogError(f"{path.name}: is no evaluation log of inspect_ai: {error}") from error


_HEADER = "header.json"
_ZSTD = 93
"""How inspect_ai packs members, which Python before 3.14 cannot unpack by itself."""


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > (most := limits().json_bytes):
        raise LogError(
            f"{member.filename}: more than {most:,} bytes, which are read whole;"
            f" {raised('json_bytes')}"
        )
    if member.compress_type != _ZSTD:
        return archive.read(member)
    with open(str(archive.filename), "rb") as file:  # noqa: PTH123
        file.seek(member.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))
        file.seek(name + extra, os.SEEK_CUR)
        packed = file.read(member.compress_size)
    content: bytes = pa.Codec("zstd").decompress(packed, member.file_size).to_pybytes()
    if zlib.crc32(content) != member.CRC:
        raise zipfile.BadZipFile(f"{member.filename} is damaged")
    return content


def _json(content: bytes) -> Any:
    """JSON in which NaN may stand, as a grade that a grader failed to give does."""
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return json.loads(content)


def _of_json(path: Path) -> Iterator[tuple[Fields, Fields]]:
    try:
        log = fields(_json(path.read_bytes()))
    except (ValueError, RecursionError) as error:
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
    judging = _judging(sample)
    usage = _own_usage(fields(fields(sample.get("model_usage")).get(model)), model, judging)
    epoch = number(sample.get("epoch")) or 1.0
    return LoggedCall(
        request_id=f"{task}/{text(sample.get('id'))}",
        model=model,
        task=task,
        attempt=int(epoch) - 1,
        messages=sample.get("input"),
        response=answer_of(sample.get("output")),
        quality=quality,
        latency_s=_took_s(sample, judging),
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


def _judging(sample: Fields) -> list[Fields]:
    """Calls of models that grade, among those of a sample."""
    graders: set[object] = set()
    for it in _events(sample, "span_begin"):
        if it.get("type") in ("scorers", "scorer") or it.get("parent_id") in graders:
            graders.add(it.get("id"))
    return [it for it in _events(sample, "model") if it.get("span_id") in graders]


def _own_usage(usage: Fields, model: str, judging: Iterable[Fields]) -> Fields:
    """Tokens and cost of a model, without what it took to grade its answers."""
    own = dict(usage)
    for it in judging:
        if it.get("model") == model:
            for name, many in fields(fields(it.get("output")).get("usage")).items():
                if (whole := amount(own.get(name))) is not None:
                    own[name] = max(whole - (amount(many) or 0.0), 0.0)
    return own


def _took_s(sample: Fields, judging: Iterable[Fields]) -> float | None:
    """Seconds without those of grading; None where a reply came from a cache."""
    if any(it.get("cache") == "read" for it in _events(sample, "model")):
        return None
    took = amount(first(sample, "working_time", "total_time"))
    graded = sum(amount(it.get("working_time")) or 0.0 for it in judging)
    return None if took is None else max(took - graded, 0.0)


def _events(sample: Fields, kind: str) -> list[Fields]:
    every = sample.get("events")
    found = map(fields, every if isinstance(every, list) else ())
    return [it for it in found if it.get("event") == kind]


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
