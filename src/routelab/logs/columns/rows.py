"""Checked long rows: what happened, as plain arrays over (request, model) rows (N)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.messages import foreign
from routelab.logs.columns import matching
from routelab.logs.columns.failures import failures
from routelab.logs.columns.frame import Frame
from routelab.logs.columns.names import PARTS, TOKENS
from routelab.logs.columns.scale import ROUNDING, suggested
from routelab.logs.formats import GRADES, arrow
from routelab.logs.model import Problems, Requests, Strings

_MOST_STEPS = 1000
_COUNTS = ("cost_usd", "latency_s", "prompt_tokens", "completion_tokens")
_FEW = 0.2
"""Share of a signal's values that may be words."""
_UNITS = {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}


@dataclass(frozen=True, eq=False)
class LogRows:
    """Rows in the order of the file.

    Attributes:
        requests: (n,) in the order they first appear.
        first: (n,) the row in which each does.
        models: (m,) in the order they first appear.
        request, model: (N,) indices into those.
        values: (N,) quality, cost_usd, latency_s, prompt_tokens, completion_tokens, attempt,
            step, propensity, end_propensity and parts of the tokens by name; from attempt on only
            where the file has them.
        signals, extra_usd: (N,) by signal.
        unasked: (N,) by column that nobody asked for as a signal; NaN where it holds no number.
        error: (N,).
        service, served: (N,) the service tier, and the model that answered, where the file says.
        notes: what was made of values that are not what a log holds, in sentences.
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
    notes: tuple[str, ...] = ()


def checked_rows(frame: Frame, problems: Problems) -> LogRows:
    """The rows of a frame.

    Raises:
        LogError: there are none, or ids are missing. Whatever else is wrong is left with
            `problems`.
    """
    names = arrow.coded(frame.columns["model"])
    own_ids = "request_id" in frame.columns
    ids = arrow.coded(frame.columns["request_id"]) if own_ids else matching.numbered(names)
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
    elif len(distinct) == len(request) and matching.is_meant(frame):
        keys, said = matching.by_prompt(frame, model, problems, own_ids=own_ids)
        border.notes.append(said)
        if keys is not None:
            request, first, matched = _by_appearance(keys)
            distinct = distinct[first] if own_ids else matched
    error = border.errors(model, models)
    signals = {name: border.signal(name, error) for name in frame.signals}
    requests = border.requests(distinct, request, first)
    values = border.values(error)
    extra = {name: border.extra_cost(name, error, signals.get(name)) for name in frame.extras}
    return LogRows(
        requests=requests,
        first=first,
        models=tuple(models),
        request=request,
        model=model,
        values=values,
        signals=signals,
        extra_usd=extra,
        error=error,
        service=border.texts("service_tier"),
        served=border.texts("served_model"),
        unasked={name: border.unasked(name, error) for name in frame.unasked},
        notes=tuple(border.notes),
    )


MOST, FARTHEST = 1e15, 1e150
"""Of costs, seconds and tokens, and of confidences either way: squares of sums are numbers."""


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
        self.notes: list[str] = []

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

    def numbers(self, what: str, column: Any, more: str = ", such as 0.5", **how: Any) -> Floats:
        """A column as numbers; complains of every value that is none."""
        read = arrow.number_column(column, **how)
        self._not_numbers(what, column, read, read.bad, more)
        return read.values

    def _not_numbers(
        self, what: str, column: Any, read: arrow.NumberColumn, bad: Bools, more: str
    ) -> None:
        if not bad.any():
            return
        found, way_out = arrow.plain(column), f"a number is expected{more}"

        def say(row: int) -> str:
            value = _python(found[row])
            said = read.why.get(value, way_out) if isinstance(value, str) else way_out
            return f"{self.where(row)}: {what} is {_shown(value)}; {said}"

        self.problems.each(bad, say)

    def errors(self, model: Ints, models: Strings) -> Bools:
        """Which calls failed; models of which every call did are noted first."""
        if "error" not in self.frame.columns:
            return np.zeros(len(self.ids.codes), dtype=np.bool_)
        column = self.frame.columns["error"]
        failed = failures(column)
        calls, lost = (np.bincount(model[it], minlength=len(models)) for it in (..., failed))
        for at in np.flatnonzero((calls > 0) & (lost == calls)):
            row = int(np.flatnonzero(model == at)[0])
            self.notes.append(
                f"every call of {foreign(str(models[at]))} failed, {int(calls[at]):,} of them, as"
                f" the column 'error' says (it is {_shown(column[row])} in {self.place(row)}); if"
                " that tells of no failure, leave the column out: `ignore=['error']`"
            )
        return failed

    def values(self, error: Bools) -> dict[str, Floats]:
        found = {"quality": self._quality(error)}
        found |= {name: self._number(name) for name in _COUNTS}
        for name in _COUNTS:
            self._not_negative(name, found[name])
        return found | self._parts(found) | self._steps()

    def _parts(self, found: Mapping[str, Floats]) -> dict[str, Floats]:
        """Tokens of caches and of reasoning, which are part of others."""
        parts = {name: self._number(name) for name in PARTS if name in self.frame.columns}
        for name, values in parts.items():
            self._not_negative(name, values)
            whole = PARTS[name]
            of = parts.get(whole, found.get(whole))
            if of is None:
                continue
            way_out = f"it is part of {whole}, so never more: add it to {whole} if it is beside it"
            self.problems.each(values > of, self.say(name, values, way_out))
        return parts

    def texts(self, name: str) -> arrow.CodedColumn | None:
        there = self.frame.columns
        return arrow.coded(there[name]) if name in there else None

    def _quality(self, error: Bools) -> Floats:
        """In [0, 1], as its scale has it; 0 where the call failed."""
        if "quality" not in self.frame.columns:
            raw = np.full(len(self.ids.codes), np.nan)
        elif self.frame.scale is None:
            way_out = ", such as 0.5, or a word such as pass or fail"
            raw = self.numbers("quality", self.frame.columns["quality"], way_out, words=GRADES)
        else:  # a word or a percent sign would mean the scale 0 to 1
            how = {"words": {}, "percent": 1.0}
            raw = self.numbers("quality", self.frame.columns["quality"], ", such as 3", **how)
        if np.isnan(raw).all() and not self.frame.unjudged and not self.problems:
            self.problems.add("quality has no value on any row; without it nothing can be compared")
        low, high = self.frame.scale or (0.0, 1.0)
        scaled = np.where(error, 0.0, (raw - low) / (high - low))
        outside = (scaled < -ROUNDING) | (scaled > 1 + ROUNDING)
        way_out = f"quality lies in {suggested(raw[~error], self.frame.scale)}"
        self.problems.each(outside, self.say("quality", raw, way_out))
        near = ~outside & ((scaled < 0) | (scaled > 1))
        if near.any():
            self.notes.append(
                f"quality is off [0, 1] by rounding on {int(near.sum()):,} rows, and is clipped"
            )
            scaled = np.where(near, np.clip(scaled, 0.0, 1.0), scaled)
        return scaled

    def _number(self, name: str) -> Floats:
        if name not in self.frame.columns:
            return np.full(len(self.ids.codes), np.nan)
        column = self.frame.columns[name]
        percent = 0.01 if name.endswith("propensity") else None  # all others are amounts
        values = self.numbers(name, column, counts=name in TOKENS, percent=percent)
        seconds = arrow.is_duration(column.type)
        return values / 1e3 if name in self.frame.milliseconds and not seconds else values

    def _not_negative(self, what: str, values: Floats) -> None:
        way_out = "it is finite and not negative; leave it empty if it was not observed"
        self.problems.each((values < 0) | np.isinf(values), self.say(what, values, way_out))
        beyond = f"it is at most {MOST:g}, beyond which sums have no meaning; leave it empty"
        self.problems.each((values > MOST) & np.isfinite(values), self.say(what, values, beyond))

    def _steps(self) -> dict[str, Floats]:
        names = ("attempt", "step", "propensity", "end_propensity")
        found = {name: self._number(name) for name in names if name in self.frame.columns}
        for name in (name for name in ("attempt", "step") if name in found):
            count = found[name]
            bad = ~((count >= 0) & (count < _MOST_STEPS) & (count == np.floor(count)))
            way_out = f"{name}s are counted 0, 1, 2, to {_MOST_STEPS - 1} at most"
            self.problems.each(bad, self.say(name, count, way_out))
        if "propensity" in found:
            p = found["propensity"]
            way_out = "the probability of a choice that was made lies in (0, 1]"
            bad = ~((p > 0) & (p <= 1)) & ~np.isnan(p)  # of other steps it may be unknown
            self.problems.each(bad, self.say("propensity", p, way_out))
        if "end_propensity" in found:
            p = found["end_propensity"]
            way_out = (
                "the probability of ending after a request's last call lies in (0, 1]; leave it"
                " empty where it is not known"
            )
            bad = ~np.isnan(p) & ~((p > 0) & (p <= 1))
            self.problems.each(bad, self.say("end_propensity", p, way_out))
        return found

    def signal(self, name: str, error: Bools) -> Floats:
        """Confidence, NaN where the call failed; a few words among numbers count as missing."""
        column = self.frame.signals[name]
        read = arrow.number_column(column)
        words = read.bad & ~error
        clash = words & self._among(column, read.why)
        held = -read.values if name in self.frame.negated else read.values
        values = np.where(error, np.nan, held)
        found = int(np.count_nonzero(~np.isnan(values)))
        rest = words & ~clash
        lost = int(rest.sum())
        more = " of a signal; leave the cell empty, or the column out of the file"
        if not found or lost > _FEW * (lost + found):
            clash = words
            if lost:
                self.problems.add(
                    f"signal {name!r}: {lost:,} of {lost + found:,} values are no numbers"
                )
        elif lost:
            shown = arrow.plain(column)
            some = dict.fromkeys(_shown(shown[int(row)]) for row in np.flatnonzero(rest)[:1000])
            self.notes.append(
                f"signal {name} is no number but {', '.join(list(some)[:3])} on {lost:,} of"
                f" {lost + found:,} rows with a value: there it counts as missing"
            )
        self._not_numbers(name, column, read, clash, more)
        way_out = "a confidence is finite; leave it empty where there is none"
        self.problems.each(np.abs(values) > FARTHEST, self.say(name, values, way_out))
        return values

    def unasked(self, name: str, error: Bools) -> Floats:
        """Numbers that nobody rests anything on; what is none is left out without a word."""
        values, bad = arrow.numbers(self.frame.unasked[name])
        return np.where(error | bad | ~(np.abs(values) <= FARTHEST), np.nan, values)

    @staticmethod
    def _among(column: Any, texts: Mapping[str, str]) -> Any:
        """(N,) which values are one of these texts."""
        if not texts:
            return False
        found = arrow.coded(column)
        return np.isin(found.codes, [at for at, it in enumerate(found.values) if it in texts])

    def extra_cost(self, name: str, error: Bools, signal: Floats | None) -> Floats:
        """USD that a signal added; nothing where it gave no value and no cost."""
        values = self.numbers(f"extra cost of {name}", self.frame.extras[name], percent=None)
        self._not_negative(f"extra cost of {name}", values)
        free = error if signal is None else error | np.isnan(signal)
        return np.where(free & np.isnan(values), 0.0, values)

    def requests(self, ids: Strings, request: Ints, first: Ints) -> Requests:
        there = self.frame.columns
        found: dict[str, Any] = {}
        for name in ("task", "group", "split", "tenant", "priority"):
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
        """(n,) earliest of each request's rows; the log of a run has one for each call."""
        column = self.frame.columns["timestamp"]
        ticks = 1e3 if "timestamp" in self.frame.milliseconds else 1.0
        values, bad = arrow.seconds(column, ticks)
        way_out = (
            "an ISO time or Unix seconds (or milli-, micro- or nanoseconds) is expected, in"
            " one unit for all rows"
        )
        self.problems.each(bad, self.say("timestamp", arrow.plain(column), way_out))
        way_out = "too far off for a Unix time"
        self.problems.each(np.abs(values) > 1e11, self.say("timestamp", values, way_out))
        if (told := arrow.ticks_of(column, ticks)) != ticks:
            self.notes.append(f"timestamps are read as {_UNITS[told]} since 1970, by their size")
        own = values[first]
        several = (values != own[request]) & ~np.isnan(values)
        if several.any():
            earliest = np.where(np.isnan(own), np.inf, own)
            np.fmin.at(earliest, request, values)
            own = np.where(np.isinf(earliest), np.nan, earliest)
            many = len(np.unique(request[several]))
            self.notes.append(
                f"{many:,} requests have several timestamps, one for each call: the earliest counts"
            )
        return own

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


def _python(value: Any) -> Any:
    """A value of Arrow or NumPy as Python's."""
    plain = getattr(value, "as_py", None) or getattr(value, "item", None)
    return plain() if plain else value


def _shown(value: Any) -> str:
    """A value of Arrow, NumPy or Python for a message."""
    text = repr(_python(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
