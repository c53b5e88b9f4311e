"""Checked long rows: what happened, as plain arrays over (request, model) rows (N)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.logs.columns.frame import Frame
from routelab.logs.formats import arrow
from routelab.logs.model import Problems, Requests, Strings

_MOST_STEPS = 1000
_COUNTS = ("cost_usd", "latency_s", "prompt_tokens", "completion_tokens")
_PARTS = {
    "cached_tokens": "prompt_tokens",
    "cache_write_tokens": "prompt_tokens",
    "cache_write_1h_tokens": "cache_write_tokens",
    "reasoning_tokens": "completion_tokens",
}
"""Counts of tokens that are part of another count."""


@dataclass(frozen=True, eq=False)
class LogRows:
    """Rows in the order of the file.

    Attributes:
        requests: (n,) in the order they first appear.
        first: (n,) the row in which each does.
        models: (m,) in the order they first appear.
        request, model: (N,) indices into those.
        values: (N,) quality, cost_usd, latency_s, prompt_tokens, completion_tokens, attempt,
            step, propensity and parts of the tokens by name; from attempt on only where the
            file has them.
        signals, extra_usd: (N,) by signal.
        unasked: (N,) by column that nobody asked for as a signal; NaN where it holds no number.
        error: (N,).
        service, served: (N,) the service tier, and the model that answered, where the file says.
    """

    requests: Requests
    first: Ints
    models: tuple[str, ...]
    request: Ints
    model: Ints
    values: Mapping[str, Floats]
    signals: Mapping[str, Floats]
    extra_usd: Mapping[str, Floats]
    error: Bools
    service: arrow.CodedColumn | None = None
    served: arrow.CodedColumn | None = None
    unasked: Mapping[str, Floats] = field(default_factory=dict)


def checked_rows(frame: Frame, problems: Problems) -> LogRows:
    """The rows of a frame.

    Raises:
        LogError: there are none, or ids are missing. Whatever else is wrong is left with
            `problems`.
    """
    ids, names = (arrow.coded(frame.columns[name]) for name in ("request_id", "model"))
    border = _Border(frame, problems, ids, names)
    if not len(ids.codes):
        problems.add("no rows")
    border.named("request_id", ids)
    border.named("model", names)
    problems.stop()
    request, first, distinct = _by_appearance(ids)
    model, _, models = _by_appearance(names)
    if len(models) == 1 and not frame.unjudged:
        problems.add(
            f"only one model, {models[0]!r}; routing needs the answers of two models or more"
        )
    error = border.errors()
    signals = {name: border.signal(name, error) for name in frame.signals}
    return LogRows(
        requests=border.requests(distinct, request, first),
        first=first,
        models=tuple(models),
        request=request,
        model=model,
        values=border.values(error),
        signals=signals,
        extra_usd={
            name: border.extra_cost(name, error, signals.get(name)) for name in frame.extras
        },
        error=error,
        service=border.texts("service_tier"),
        served=border.texts("served_model"),
        unasked={name: border.unasked(name, error) for name in frame.unasked},
    )


def _by_appearance(column: arrow.CodedColumn) -> tuple[Ints, Ints, Strings]:
    """Codes, first rows and distinct values, in the order that they first appear."""
    n = len(column.codes)
    first = np.full(len(column.values), n, dtype=np.int64)
    first[column.codes[::-1]] = np.arange(n)[::-1]
    order = np.argsort(first, kind="stable")[: int((first < n).sum())]
    rank = np.zeros(len(column.values), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[column.codes], first[order], column.values[order]


class _Border:
    """Converts columns and complains of values that cannot be."""

    def __init__(
        self, frame: Frame, problems: Problems, ids: arrow.CodedColumn, models: arrow.CodedColumn
    ) -> None:
        self.frame = frame
        self.problems = problems
        self.ids = ids
        self.models = models

    def place(self, row: int, whose: str = "") -> str:
        """Of a row in its file; rows are counted from 1, and the header is none."""
        return place_of(self.frame, row, whose)

    def where(self, row: int) -> str:
        return self.place(row, f" (request {self.ids[row]!r}, model {self.models[row]!r})")

    def say(self, what: str, values: Any, way_out: str) -> Callable[[int], str]:
        return lambda row: f"{self.where(row)}: {what} is {_shown(values[row])}; {way_out}"

    def named(self, what: str, column: arrow.CodedColumn) -> None:
        empty = (column.values == "")[column.codes]
        self.problems.each(empty, lambda row: f"{self.place(row)}: {what} is empty")

    def numbers(self, what: str, column: Any, more: str = ", such as 0.5") -> Floats:
        values, bad = arrow.numbers(column, arrow.degree if what == "quality" else float)
        if bad.any():
            found = arrow.plain(column)
            self.problems.each(bad, self.say(what, found, f"a number is expected{more}"))
        return values

    def errors(self) -> Bools:
        if "error" not in self.frame.columns:
            return np.zeros(len(self.ids.codes), dtype=np.bool_)
        return arrow.failures(self.frame.columns["error"])

    def values(self, error: Bools) -> dict[str, Floats]:
        found = {name: self._number(name) for name in ("quality", *_COUNTS)}
        silent = np.isnan(found["quality"]).all() and not self.frame.unjudged
        if silent and not self.problems:
            self.problems.add("quality has no value on any row; without it nothing can be compared")
        quality = found["quality"] = np.where(error, 0.0, found["quality"])
        outside = (quality < 0) | (quality > 1)
        way_out = "quality lies in [0, 1]: scale it, for example score / 10"
        self.problems.each(outside, self.say("quality", quality, way_out))
        for name in _COUNTS:
            self._not_negative(name, found[name])
        return found | self._parts(found) | self._steps()

    def _parts(self, found: Mapping[str, Floats]) -> dict[str, Floats]:
        """Tokens of caches and of reasoning, which are part of others."""
        parts = {name: self._number(name) for name in _PARTS if name in self.frame.columns}
        for name, values in parts.items():
            self._not_negative(name, values)
            whole = _PARTS[name]
            of = parts.get(whole, found.get(whole))
            if of is None:
                continue
            way_out = f"it is part of {whole}, so never more: add it to {whole} if it is beside it"
            self.problems.each(values > of, self.say(name, values, way_out))
        return parts

    def texts(self, name: str) -> arrow.CodedColumn | None:
        there = self.frame.columns
        return arrow.coded(there[name]) if name in there else None

    def _number(self, name: str) -> Floats:
        if name not in self.frame.columns:
            return np.full(len(self.ids.codes), np.nan)
        values = self.numbers(name, self.frame.columns[name])
        return values / 1e3 if name in self.frame.milliseconds else values

    def _not_negative(self, what: str, values: Floats) -> None:
        way_out = "it is finite and not negative; leave it empty if it was not observed"
        self.problems.each((values < 0) | np.isinf(values), self.say(what, values, way_out))

    def _steps(self) -> dict[str, Floats]:
        names = ("attempt", "step", "propensity")
        found = {name: self._number(name) for name in names if name in self.frame.columns}
        for name in (name for name in ("attempt", "step") if name in found):
            count = found[name]
            bad = ~((count >= 0) & (count < _MOST_STEPS) & (count == np.floor(count)))
            way_out = f"{name}s are counted 0, 1, 2, to {_MOST_STEPS - 1} at most"
            self.problems.each(bad, self.say(name, count, way_out))
        if "propensity" in found:
            p = found["propensity"]
            way_out = "the probability of a choice that was made lies in (0, 1]"
            self.problems.each(~((p > 0) & (p <= 1)), self.say("propensity", p, way_out))
        return found

    def signal(self, name: str, error: Bools) -> Floats:
        more = " of a signal; leave the cell empty, or the column out of the file"
        values = self.numbers(name, self.frame.signals[name], more)
        values = np.where(error, np.nan, -values if name in self.frame.negated else values)
        way_out = "a confidence is finite; leave it empty where there is none"
        self.problems.each(np.isinf(values), self.say(name, values, way_out))
        return values

    def unasked(self, name: str, error: Bools) -> Floats:
        """Numbers that nobody rests anything on; what is none is left out without a word."""
        values, bad = arrow.numbers(self.frame.unasked[name])
        return np.where(error | bad | ~np.isfinite(values), np.nan, values)

    def extra_cost(self, name: str, error: Bools, signal: Floats | None) -> Floats:
        """USD that a signal added; nothing where it gave no value and no cost."""
        values = self.numbers(f"extra cost of {name}", self.frame.extras[name])
        self._not_negative(f"extra cost of {name}", values)
        free = error if signal is None else error | np.isnan(signal)
        return np.where(free & np.isnan(values), 0.0, values)

    def requests(self, ids: Strings, request: Ints, first: Ints) -> Requests:
        there = self.frame.columns
        found: dict[str, Any] = {}
        for name in ("task", "group", "tenant", "priority"):
            if name in there:
                found[name] = self._constant(name, arrow.coded(there[name]), request, first)
        if "needs" in there:
            words = arrow.capabilities(arrow.coded(there["needs"]))
            found["needs"] = self._constant("needs", words, request, first)
        if "timestamp" in there:
            found["timestamp_s"] = self._timestamps(request, first)
        if "audit" in there:
            audit, bad = arrow.truths(there["audit"])
            shown = arrow.plain(there["audit"])
            self.problems.each(bad, self.say("audit", shown, "true or false is expected"))
            found["audit"] = self._constant("audit", audit, request, first)
        for name in ("max_cost_usd", "deadline_s"):
            if name in there:
                values = self._number(name)
                self._not_negative(name, values)
                found[name] = self._constant(name, values, request, first)
        return Requests(id=ids, **found)

    def _timestamps(self, request: Ints, first: Ints) -> Floats:
        column = self.frame.columns["timestamp"]
        ticks = 1e3 if "timestamp" in self.frame.milliseconds else 1.0
        values, bad = arrow.seconds(column, ticks)
        way_out = "an ISO time or Unix seconds is expected"
        self.problems.each(bad, self.say("timestamp", arrow.plain(column), way_out))
        way_out = "too far off for Unix seconds; map it as timestamp_ms if it is milliseconds"
        self.problems.each(np.abs(values) > 1e11, self.say("timestamp", values, way_out))
        return np.asarray(self._constant("timestamp", values, request, first))

    def _constant(self, what: str, column: Any, request: Ints, first: Ints) -> Any:
        """One value per request, which all its rows have."""
        values = column.codes if isinstance(column, arrow.CodedColumn) else column
        own, expected = values, values[first][request]
        differs = (own != expected) & ~((own != own) & (expected != expected))

        def say(row: int) -> str:
            there = first[request[row]]
            return (
                f"request {self.ids[row]!r} has two values of {what}: {_shown(column[there])} in"
                f" {self.place(there)} and {_shown(column[row])} in {self.place(row)};"
                f" {what} belongs to the request"
            )

        self.problems.each(differs, say)
        return column[first]


def place_of(frame: Frame, row: int, whose: str = "") -> str:
    """Of a row in its file; rows are counted from 1, and the header is none."""
    at = row % frame.file_rows
    if (part := frame.part(at)) is not None:
        return f"{part[0]}, row {part[1] + 1}{whose}"
    line = frame.line(at)
    return f"row {at + 1}{whose}" + (f" on line {line}" if line else "")


def _shown(value: Any) -> str:
    """A value of Arrow, NumPy or Python for a message."""
    plain = getattr(value, "as_py", None) or getattr(value, "item", None)
    text = repr(plain() if plain else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
