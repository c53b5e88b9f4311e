"""What answers were worth, said in a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from routelab.core.messages import value_text
from routelab.errors import LogError
from routelab.logs.importers.calls.call_importer import Convert, Converted, SkippedRecord
from routelab.logs.importers.calls.logged_call import LoggedCall
from routelab.logs.importers.calls.records import decoded, records
from routelab.logs.importers.calls.values import Fields, number, text

_MOST_TOLD = 20


def judgements(path: Path) -> dict[tuple[str, str], float]:
    """Grades by request and model; by no model where a line names none. The last one counts.

    Args:
        path: of JSON Lines with `request_id`, `quality` in [0, 1] and perhaps `model`.
    Raises:
        LogError: lines that do not say whose the grade is, or what it is.
    """
    found, problems = dict[tuple[str, str], float](), list[str]()
    for record in records(path):
        row = decoded(record.raw)
        name, grade = text(row.get("request_id")), number(row.get("quality"))
        if not name or grade is None or not 0.0 <= grade <= 1.0:
            problems.append(
                f"{path.name}: row {record.number}: needs a request_id, and a quality from 0 to 1;"
                f" has {value_text(row.get('request_id'))} and {value_text(row.get('quality'))}"
            )
            continue
        found[name, text(row.get("model"))] = grade
    if (more := len(problems) - _MOST_TOLD) > 0:
        problems[_MOST_TOLD:] = [f"{path.name}: and {more:,} rows more"]
    if problems:
        raise LogError(*problems)
    return found


def graded(convert: Convert, judged: Mapping[tuple[str, str], float]) -> Convert:
    """What converts records into calls that have their grade.

    Args:
        convert: an importer's.
        judged: grades by request and model, or by request alone; a failed call has none.
    """

    def calls(record: Fields, file: Path) -> Iterator[LoggedCall | SkippedRecord]:
        for it in several(convert(record, file)):
            if isinstance(it, LoggedCall) and not it.error:
                grade = judged.get((it.request_id, it.model), judged.get((it.request_id, "")))
                if grade is not None:
                    it.quality = grade
            yield it

    return calls


def several(found: Converted) -> Iterable[LoggedCall | SkippedRecord]:
    """What became of a record, one after the other."""
    return (found,) if isinstance(found, LoggedCall | SkippedRecord) else found
