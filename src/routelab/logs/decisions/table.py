"""Records as rows, one for each call that an endpoint was asked, under a log's column names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from routelab.core.record import AlertRecord, FeedbackRecord, Record, StepRecord
from routelab.logs.decisions.journal import Line
from routelab.logs.names import RESERVED
from routelab.signals.prompt_text import prompt_text

_TEXT = (
    *("request_id", "model", "error", "task", "group", "tenant", "priority", "prompt"),
    *("response", "deployment", "record"),
)
_NUMBERS = (
    *("step", "propensity", "quality", "cost_usd", "latency_s", "prompt_tokens"),
    *("completion_tokens", "timestamp", "max_cost_usd", "deadline_s"),
)
_CANCELLED = "cancelled"


class Judged:
    """What answers turned out to be worth: the latest word on each."""

    def __init__(self, notes: Iterable[FeedbackRecord]) -> None:
        self._said = {(it.request_id, it.model): it.quality for it in notes}
        self.used: set[tuple[str, str | None]] = set()

    def __len__(self) -> int:
        return len(self._said)

    def quality(self, request_id: str, model: str, delivered: bool) -> float | None:
        """Of a model's answer to a request; None if nobody judged it."""
        keys = [(request_id, model)] + [(request_id, None)] * delivered
        for key in keys:
            if key in self._said:
                self.used.add(key)
                return self._said[key]
        return None


class Rows:
    """Columns that grow record by record.

    Attributes:
        statuses: requests by how they ended.
        unsent: calls that no endpoint was asked, and calls that another one made needless.
        repeated: records whose request id an earlier one has.
    """

    def __init__(self, judged: Judged) -> None:
        self.statuses: Counter[str] = Counter()
        self.unsent = self.repeated = 0
        self._judged = judged
        self._columns: dict[str, list[Any]] = {name: [] for name in (*_TEXT, *_NUMBERS, "needs")}
        self._signals: dict[str, list[float | None]] = {}
        self._seen: Counter[str] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, record: Record) -> bool:
        """A row for each call of a record that can tell something of its model, if any can."""
        self.statuses[record.status] += 1
        self._seen[record.request_id] += 1
        nth = self._seen[record.request_id]
        self.repeated += nth > 1
        known_as = record.request_id if nth == 1 else f"{record.request_id}#{nth}"
        text: str | None = msgspec.json.encode(record).decode()
        answer = _delivered(record)
        whole = {
            "request_id": known_as,
            "task": record.task or None,
            "group": record.group or None,
            "tenant": record.tenant or None,
            "priority": record.priority or None,
            "needs": list(record.needs) or None,
            "timestamp": record.timestamp_s,
            "max_cost_usd": record.max_cost_usd,
            "deadline_s": record.deadline_s,
            "prompt": None if record.messages is None else prompt_text(record.messages),
        }
        for number, step in enumerate(record.steps):
            if not _tells(step):
                self.unsent += 1
                continue
            model = step.answered_by or step.model
            quality = None
            if step.error is None:
                quality = self._judged.quality(record.request_id, model, number == answer)
            self._row(
                {
                    **whole,
                    "model": model,
                    "step": float(number),
                    "propensity": step.propensity,
                    "quality": quality,
                    "cost_usd": step.cost_usd,
                    "latency_s": step.latency_s if step.error is None else None,
                    "prompt_tokens": step.prompt_tokens,
                    "completion_tokens": step.completion_tokens,
                    "error": step.error,
                    "response": step.response,
                    "deployment": step.deployment,
                    "record": text,
                },
                step.signals,
            )
            text = None
        return text is None

    def rest(self, line: Line) -> None:
        """A row that only keeps a line."""
        request_id = None if isinstance(line, AlertRecord) else line.request_id
        record = msgspec.json.encode(line).decode()
        self._row({"request_id": request_id, "record": record}, {})

    def table(self) -> Any:
        """An Arrow table of the rows; a column that nobody filled is left out."""
        kept = ("request_id", "model", "step", "propensity", "quality", "record")
        made = {
            name: pa.array(values, _type(name))
            for name, values in self._columns.items()
            if name in kept or any(value is not None for value in values)
        }
        for name, values in self._signals.items():
            if name not in RESERVED and name not in self._columns:
                padded = values + [None] * (self._count - len(values))
                made[name] = pa.array(padded, pa.float64())
        return pa.table(made)

    def _row(self, row: Mapping[str, Any], signals: Mapping[str, float | None]) -> None:
        for name, column in self._columns.items():
            column.append(row.get(name))
        for name, value in signals.items():
            column = self._signals.setdefault(name, [])
            column += [None] * (self._count - len(column))
            column.append(value)
        self._count += 1


def _tells(step: StepRecord) -> bool:
    """Whether a call was made and ended by itself, so that it says something of its model."""
    return step.error is None or (step.error != _CANCELLED and bool(step.attempts))


def _delivered(record: Record) -> int:
    """The step whose answer was delivered; -1 if none was."""
    fitting = [
        number
        for number, step in enumerate(record.steps)
        if step.error is None and (step.answered_by or step.model) == record.model
    ]
    accepted = [number for number in fitting if not record.steps[number].rejected]
    return (accepted or fitting or [-1])[-1]


def _type(name: str) -> Any:
    if name == "needs":
        return pa.list_(pa.string())
    return pa.large_string() if name in _TEXT else pa.float64()
