"""Rows of a file of prompts, or of a log, as requests: ids, messages, and what else they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from routelab.collect.storage import CollectedRequest
from routelab.core import Message
from routelab.core.conversation import checked_messages
from routelab.core.messages import foreign, unknown_name
from routelab.errors import CollectError
from routelab.graders import REFERENCE_COLUMNS
from routelab.logs import PartialLog, read
from routelab.logs.columns import RESERVED, names
from routelab.logs.decisions import is_journal
from routelab.logs.importers.calls import (
    decoded,
    moment_s,
    record_files,
    records,
    text,
)

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_OURS = (
    "request_id", "prompt", "messages", "session_id", "turn", "response", "task", "group",
    "timestamp", "tenant", "priority", "model",
)  # fmt: skip
"""Columns that are read, by our name; `model` tells that a row is one model's answer."""
REFERENCES = (
    *REFERENCE_COLUMNS, "target", "label", "solution", "answer", "choices", "options", "schema",
    "tests", "metadata",
)  # fmt: skip
"""Columns that are of the request where a file has rows of several models."""


class PromptRow(NamedTuple):
    """A row of the file.

    Attributes:
        place: where it stands, for errors.
        request: that it holds, without the turns before it; its id is empty where it has none.
        plain: it is a prompt alone, so that turns of its session before it are not in it.
        turn: its number in its session; None where it has none.
        response: what was answered then.
    """

    place: str
    request: CollectedRequest
    plain: bool
    turn: float | None
    response: str


def prompt_rows(
    path: Path, columns: Mapping[str, str], problem: Callable[[str], None]
) -> Iterator[PromptRow]:
    """The rows of a file; of a decision log, or a folder, the requests.

    Args:
        path: of the file or folder.
        columns: our column name to the file's.
        problem: takes what is wrong with a row, which is left out.
    Raises:
        CollectError: a name is no column of prompts.
        LogError: the file is not what its name says.
    """
    unknown = [it for it in columns if it not in _OURS]
    if unknown:
        raise CollectError(*(unknown_name("column of prompts", it, _OURS) for it in unknown))
    if path.is_dir() or is_journal(path):
        yield from _of_log(path)
        return
    for file in record_files(path, _SUFFIXES):
        for record in records(file, ("data", "requests", "prompts", "rows")):
            place = f"{file.name}: {'line' if isinstance(record.raw, bytes) else 'row'}"
            fields = decoded(record.raw)
            try:
                if not fields:
                    raise ValueError("is no JSON object, or an empty one")
                yield _row(f"{place} {record.number}", fields, columns)
            except ValueError as error:
                problem(f"{place} {record.number}: {error}")


def _row(place: str, fields: Mapping[str, Any], columns: Mapping[str, str]) -> PromptRow:
    """A record as a request.

    Raises:
        ValueError: it has no messages.
    """
    where = {ours: found for ours in _OURS if (found := _name(ours, fields, columns)) is not None}
    value = {ours: fields[name] for ours, name in where.items()}
    messages, plain = _messages(value)
    turn = value.get("turn")
    known = {name: text(value.get(name)) for name in ("task", "session_id", "tenant", "priority")}
    return PromptRow(
        place,
        CollectedRequest(
            id=text(value.get("request_id")).strip(),
            messages=messages,
            group=text(value.get("group")) or known["session_id"],
            timestamp=moment_s(value.get("timestamp")),
            columns=_more(fields, where),
            **known,
        ),
        plain,
        float(turn) if turn not in (None, "") else None,
        text(value.get("response")),
    )


def _name(ours: str, fields: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    """The field of a record that holds a column; None where there is none."""
    if ours in columns:
        if columns[ours] and columns[ours] not in fields:
            raise ValueError(f"no column {columns[ours]!r}; it has {foreign(', '.join(fields))}")
        return columns[ours] or None
    names_ = (ours, *names.ALIASES[ours])
    return next((it for it in names_ if fields.get(it) not in (None, "")), None)


def _messages(value: Mapping[str, Any]) -> tuple[tuple[Message, ...], bool]:
    """The messages of a row, and whether they are a prompt alone.

    Raises:
        ValueError: there are none.
    """
    if "messages" in value:
        said = value["messages"]
        if not isinstance(said, str):
            said = msgspec.json.encode(said).decode()
        elif said.lstrip()[:1] not in ("[", "{"):
            raise ValueError("messages is no JSON; write a list of objects with role and content")
        try:
            return checked_messages(said), False
        except ValueError as error:
            raise ValueError(f"messages: {error}") from None
    prompt = value.get("prompt")
    if prompt is None or not str(prompt).strip():
        raise ValueError(
            "has no prompt and no messages; say which column it is: `columns={'prompt': 'COLUMN'}`"
        )
    found = checked_messages(prompt) if _is_conversation(prompt) else None
    if found is not None:
        return found, False
    return ({"role": "user", "content": str(prompt)},), True


def _is_conversation(prompt: object) -> bool:
    if not isinstance(prompt, str) or prompt.lstrip()[:1] not in ("[", "{"):
        return False
    try:
        checked_messages(prompt)
    except ValueError:
        return False  # a prompt may be JSON, or begin like it
    return True


def _more(fields: Mapping[str, Any], where: Mapping[str, str]) -> dict[str, Any]:
    """Other columns of a request, which graders may want; not those of one model's answer."""
    read_, of_answers = set(where.values()), "model" in where
    return {
        name: it
        for name, it in fields.items()
        if it is not None
        and it != ""
        and name not in read_
        and "|" not in name  # of a model, in a sheet with a row per request
        and (name in REFERENCES if of_answers else name not in RESERVED or name in REFERENCES)
    }


def _of_log(path: Path) -> Iterator[PromptRow]:
    """The requests of a log that is read as a whole: a decision log, or a folder of Parquet files.

    Raises:
        LogError: it cannot be read, or has no prompts.
    """
    log = read(path, graded=False)
    if log.texts is None:
        raise CollectError(f"{path}: has no prompts; collect from a log that keeps them")
    about = log.requests
    seen = set()
    block = 4_096
    for start in range(0, len(log), block):
        rows = np.arange(start, min(start + block, len(log)))
        for row, messages in zip(rows, log.texts.messages(rows), strict=True):
            found = about.request(int(row))
            if isinstance(log, PartialLog) and found.id in seen:
                continue
            seen.add(found.id)
            yield PromptRow(
                f"{log.name}: request {found.id!r}",
                CollectedRequest(
                    id=found.id,
                    messages=messages,
                    task=found.task,
                    group=found.group,
                    tenant=found.tenant,
                    priority=found.priority,
                    timestamp=None if about.timestamp_s is None else _known(about.timestamp_s[row]),
                ),
                False,
                None,
                "",
            )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
