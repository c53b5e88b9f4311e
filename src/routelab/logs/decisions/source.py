"""A decision log as a file of rows, for `routelab.logs.read`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc

from routelab.core.storage import FeedbackRecord, Record
from routelab.errors import LogError
from routelab.logs.columns import DECISIONS_KEY
from routelab.logs.decisions.journal import open_journal
from routelab.logs.decisions.table import DecisionRows, LatestFeedback
from routelab.logs.formats import TableSource, numbered_objects, open_jsonl
from routelab.logs.model import Problems


class DecisionSource(TableSource):
    """Rows of calls, which tell that nobody has to have judged them."""

    def extras(self) -> dict[bytes, bytes]:
        return {DECISIONS_KEY: b"[]"}


def open_decisions(path: Path, feedback: Path | None = None) -> DecisionSource:
    """The calls of a decision log.

    Args:
        feedback: JSON Lines with `request_id`, `quality` and, unless the answer delivered is
            meant, `model`; goes before what the log says itself.
    Raises:
        LogError: the log or the feedback cannot be read.
    """
    journal = open_journal(path)
    lines = list(journal.lines())
    own = [it for it in lines if isinstance(it, FeedbackRecord)]
    judged = LatestFeedback([*own, *judgements(feedback)])
    rows = DecisionRows(judged)
    for line in lines:
        if isinstance(line, Record):
            rows.add(line)
    if not len(rows):
        raise LogError(f"{path.name}: no call is recorded yet")
    table = _settled(rows.table())
    torn = tuple(
        f"{name} ends in the middle of a line, because its writer died: that line is left out"
        for name in sorted(journal.torn)
    )
    return DecisionSource(path, table, notes=(*torn, *_notes(rows, judged)))


def _settled(table: Any) -> Any:
    """Without steps and propensities where every model was asked on every request for sure."""
    pairs = table.select(["request_id", "model"]).group_by(["request_id", "model"]).aggregate([])
    n, m = (pc.count_distinct(table.column(name)).as_py() for name in ("request_id", "model"))
    propensity = table.column("propensity")
    certain = not propensity.null_count and pc.min(propensity).as_py() == 1.0
    if certain and m > 1 and table.num_rows == pairs.num_rows == n * m:
        gone = ("step", "propensity", "end_propensity")
        return table.drop_columns([name for name in gone if name in table.column_names])
    return table


def _notes(rows: DecisionRows, judged: LatestFeedback) -> Iterator[str]:
    without = sum(rows.statuses[it] for it in ("refused", "shed", "cancelled", "broken"))
    if without:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(rows.statuses.items()))
        yield f"requests by how they ended: {counts}"
    if rows.unsent:
        yield (
            f"{rows.unsent} calls are left out: no endpoint was asked, or another call made them"
            " needless"
        )
    if rows.drawn_often:
        yield (
            f"{rows.drawn_often} requests drew twice or more before a call: their propensities are"
            " of those draws, and where several lead to one call not of the call; give the policy"
            " that made the log to `routelab value` as `logged_by`"
        )
    if rows.repeated:
        yield (
            f"{rows.repeated} records have the request id of an earlier one and are kept as"
            " ID#2, ID#3, ..."
        )
    if not len(judged):
        yield "no answer was judged yet, so that no quality is known"
    elif missed := len(judged) - len(judged.used):
        yield f"{missed} judgements are of no answer in this log"
    yield "the cost of a call holds its signals and failed attempts"


def judgements(path: Path | None) -> Iterator[FeedbackRecord]:
    """What a file of feedback says of answers; nothing without a file.

    Raises:
        LogError: it cannot be read, or a line lacks what it needs.
    """
    if path is None:
        return
    names = open_jsonl(path).names
    if lacking := [name for name in ("request_id", "quality") if name not in names]:
        raise LogError(f"{path.name}: feedback needs {', '.join(lacking)} on every line")
    found: list[FeedbackRecord] = []
    wrong: list[str] = []
    for number, row in numbered_objects(path):
        try:
            fields = {name: row.get(name) for name in ("request_id", "quality", "model")}
            found.append(
                msgspec.convert({"schema": "routelab.feedback/1", **fields}, FeedbackRecord)
            )
        except msgspec.ValidationError:
            wrong.append(f"line {number}: {'; '.join(_misfits(row))}")
    problems = Problems(path.name)
    problems.some(wrong, len(wrong))
    problems.stop()
    yield from found


def _misfits(row: Mapping[str, Any]) -> Iterator[str]:
    """Which fields of a line of feedback cannot be what they are."""
    meant = {"request_id": "text", "quality": "a number in [0, 1]", "model": "text, or left out"}
    for name, words in meant.items():
        value = row.get(name)
        try:
            msgspec.convert(value, _TYPES[name])
        except msgspec.ValidationError:
            shown = msgspec.json.encode(value).decode() if name in row else "missing"
            yield f"{name} is {shown[:60]}; it must be {words}"


_TYPES = {field.name: field.type for field in msgspec.structs.fields(FeedbackRecord)}
