"""Records as rows, one for each call that an endpoint was asked, under a log's column names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from routelab.core import Message
from routelab.core.conversation import beyond_prompt
from routelab.core.storage import AlertRecord, FeedbackRecord, Record, StepRecord
from routelab.logs.columns import RESERVED
from routelab.logs.decisions.journal import Line
from routelab.signals import prompt_text

_OF_REQUESTS = (
    *("request_id", "task", "group", "tenant", "priority", "needs", "timestamp"),
    *("max_cost_usd", "deadline_s", "prompt", "messages", "record"),
)
_OF_CALLS = (
    *("model", "step", "propensity", "quality", "cost_usd", "latency_s", "prompt_tokens"),
    *("completion_tokens", "error", "response", "deployment", "end_propensity"),
)
_NUMBERS = (
    *("step", "propensity", "quality", "cost_usd", "latency_s", "prompt_tokens"),
    *("completion_tokens", "timestamp", "max_cost_usd", "deadline_s", "end_propensity"),
)
_ALWAYS = ("request_id", "model", "step", "propensity", "quality")
_CANCELLED = "cancelled"


class LatestFeedback:
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


class DecisionRows:
    """Columns that grow record by record.

    Attributes:
        statuses: requests by how they ended.
        unsent: calls that no endpoint was asked, and calls that another one made needless.
        repeated: records whose request id an earlier one has.
        drawn_often: records with two random draws or more, other than of certain outcome, and the
            probabilities of those in place of the calls'.

    Args:
        whole: keep every record as JSON, in the row of its first call.
    """

    def __init__(self, judged: LatestFeedback, whole: bool = False) -> None:
        self.statuses: Counter[str] = Counter()
        self.unsent = self.repeated = self.drawn_often = 0
        self._judged = judged
        self._whole = whole
        self._requests: dict[str, list[Any]] = {name: [] for name in _OF_REQUESTS}
        self._calls: dict[str, list[Any]] = {name: [] for name in _OF_CALLS}
        self._signals: dict[str, list[float | None]] = {}
        self._owner: list[int] = []
        self._seen: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._owner)

    def add(self, record: Record) -> bool:
        """A row for each call of a record that can tell something of its model, if any can."""
        self.statuses[record.status] += 1
        self._seen[record.request_id] += 1
        nth = self._seen[record.request_id]
        self.repeated += nth > 1
        of_draws = record.propensity_of == "draws"
        self.drawn_often += of_draws and sum(it.propensity < 1.0 for it in record.choices) > 1
        telling = [number for number, step in enumerate(record.steps) if _tells(step)]
        self.unsent += len(record.steps) - len(telling)
        if not telling:
            return False
        self._request(
            record.request_id if nth == 1 else f"{record.request_id}#{nth}",
            record.task or None,
            record.group or None,
            record.tenant or None,
            record.priority or None,
            list(record.needs) or None,
            record.timestamp_s,
            record.max_cost_usd,
            record.deadline_s,
            *_said(record.messages),
            msgspec.json.encode(record).decode() if self._whole else None,
        )
        answer = _delivered(record)
        for number in telling:
            ended = end_propensity(record) if number == telling[-1] else None
            self._step(record.request_id, record.steps[number], number, number == answer, ended)
        return True

    def rest(self, line: Line) -> None:
        """A row that only keeps a line."""
        request_id = None if isinstance(line, AlertRecord) else line.request_id
        record = msgspec.json.encode(line).decode()
        self._request(request_id, *[None] * (len(_OF_REQUESTS) - 2), record)
        self._call(*[None] * len(_OF_CALLS))

    def table(self) -> Any:
        """An Arrow table of the rows; a column that nobody filled is left out."""
        owner = pa.array(self._owner, pa.int64())
        made = {
            name: pa.array(values, _type(name)).take(owner)
            for name, values in self._requests.items()
        } | {name: pa.array(values, _type(name)) for name, values in self._calls.items()}
        made = {it: column for it, column in made.items() if it in _ALWAYS or _filled(column)}
        if "record" in made:
            made["record"] = _first_of_each(made["record"], self._owner)
        for name, values in self._signals.items():
            if name not in RESERVED and name not in _OF_REQUESTS + _OF_CALLS:
                padded = values + [None] * (len(self) - len(values))
                made[name] = pa.array(padded, pa.float64())
        return pa.table(made)

    def _request(self, *values: Any) -> None:
        for column, value in zip(self._requests.values(), values, strict=True):
            column.append(value)

    def _call(self, *values: Any) -> None:
        for column, value in zip(self._calls.values(), values, strict=True):
            column.append(value)
        self._owner.append(len(self._requests["request_id"]) - 1)

    def _step(
        self,
        request_id: str,
        step: StepRecord,
        number: int,
        delivered: bool,
        ended: float | None,
    ) -> None:
        model, good = step.answered_by or step.model, step.error is None
        for name, value in step.signals.items():
            column = self._signals.setdefault(name, [])
            column += [None] * (len(self) - len(column))
            column.append(value)
        self._call(
            model,
            float(number),
            step.propensity,
            self._judged.quality(request_id, model, delivered) if good else None,
            step.cost_usd,
            step.latency_s if good else None,
            step.prompt_tokens,
            step.completion_tokens,
            step.error,
            step.response,
            step.deployment,
            ended,
        )


def _said(messages: tuple[Message, ...] | None) -> tuple[str | None, str | None]:
    """The prompt, and the messages as JSON where they are more than that."""
    if messages is None:
        return None, None
    prompt = prompt_text(messages)
    return prompt, beyond_prompt(messages, prompt)


def _filled(column: Any) -> bool:
    return bool(column.null_count < len(column))


def _first_of_each(column: Any, owner: list[int]) -> Any:
    """The column without what repeats the row before."""
    first = pa.array([it != before for it, before in zip(owner, [-1, *owner], strict=False)])
    return pc.if_else(first, column, pa.scalar(None, column.type))


def _tells(step: StepRecord) -> bool:
    """Whether a call was made and ended by itself, so that it says something of its model."""
    return step.error is None or (step.error != _CANCELLED and bool(step.attempts))


def end_propensity(record: Record) -> float | None:
    """Probability of ending after the last call, given the calls.

    None where the request did not come to its end, or where it is not known. Logs that do not have
    it tell it by the draws that came after the calls.
    """
    if record.propensity_of == "calls":
        return record.end_propensity
    calls = math.prod(1.0 if it.propensity is None else it.propensity for it in record.steps)
    if record.status not in ("answered", "failed") or (calls < 1.0 and not record.choices):
        return None
    draws = math.prod(choice.propensity for choice in record.choices)
    return min(1.0, draws / calls) if calls > 0 and record.choices else 1.0


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
    return pa.float64() if name in _NUMBERS else pa.large_string()
