"""Our names of a log's columns, and the names they go by in files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from routelab.core.messages import first, foreign
from routelab.logs.formats import RowSource
from routelab.logs.model import Problems
from routelab.signals import is_grade

ALIASES: Mapping[str, tuple[str, ...]] = {
    "request_id": ("sample_id", "id"),
    "model": ("model_name",),
    "prompt": (),
    "messages": (),
    "session_id": ("thread_id",),
    "turn": ("turn_index", "turn_number"),
    "response": ("model_response",),
    "task": ("eval_name",),
    "group": ("conversation_id",),
    "split": ("data_split",),
    "timestamp": ("timestamp_s", "timestamp_ms", "created_at"),
    "tenant": (),
    "priority": (),
    "needs": (),
    "audit": (),
    "max_cost_usd": (),
    "deadline_s": ("deadline_ms",),
    "quality": (),
    "cost_usd": ("cost", "total_cost"),
    "latency_s": ("latency_ms",),
    "prompt_tokens": ("input_tokens",),
    "completion_tokens": ("output_tokens",),
    "cached_tokens": ("cached_input_tokens", "cache_read_tokens", "cache_read_input_tokens"),
    "cache_write_tokens": ("cache_creation_tokens", "cache_creation_input_tokens"),
    "cache_write_1h_tokens": (),
    "reasoning_tokens": (),
    "service_tier": (),
    "served_model": ("response_model",),
    "error": (),
    "attempt": (),
    "step": (),
    "propensity": (),
    "end_propensity": (),
}
"""Our names, and the other names each is found under without being told."""

NEEDED = ("request_id", "model", "quality")
"""Columns that a log must have to be compared, by our name."""

OF_REQUESTS = (
    "task",
    "group",
    "split",
    "session_id",
    "turn",
    "timestamp",
    "tenant",
    "priority",
    "needs",
    "audit",
    "max_cost_usd",
    "deadline_s",
)
"""Columns whose value belongs to the request and not to what a model did."""

PARTS: Mapping[str, str] = {
    "cached_tokens": "prompt_tokens",
    "cache_write_tokens": "prompt_tokens",
    "cache_write_1h_tokens": "cache_write_tokens",
    "reasoning_tokens": "completion_tokens",
}
"""Counts of tokens that are part of another count."""
TOKENS = ("prompt_tokens", "completion_tokens", *PARTS)

RESERVED = frozenset(ALIASES).union(*ALIASES.values())
"""A column of one of these names is never taken for a confidence signal."""

MOSTLY = 0.5
"""Share of a column's values that are numbers, from which on it is one of numbers."""
GRADES_HINT = (
    ". Where columns named after models hold grades, name those: `models=['MODEL', 'MODEL']`"
)
_INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
_MILLISECONDS = {
    "latency_ms": "latency_s",
    "timestamp_ms": "timestamp",
    "deadline_ms": "deadline_s",
}


@dataclass(frozen=True)
class ColumnNames:
    """Which column of a file holds what.

    Attributes:
        of: our name to the file's.
        milliseconds: our names whose values the file gives in milliseconds.
        left_out: our names that the user wants of no column.
    """

    of: Mapping[str, str]
    milliseconds: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

    def __contains__(self, ours: str) -> bool:
        return ours in self.of


def resolve(there: Sequence[str], asked: Mapping[str, str], problems: Problems) -> ColumnNames:
    """Find our columns among those that are there.

    Args:
        asked: our name to the file's, as the user says, or to nothing for what is not to be
            found; `latency_ms`, `timestamp_ms` and `deadline_ms` say that the values are
            milliseconds.
    """
    said = {_MILLISECONDS.get(ours, ours): theirs for ours, theirs in asked.items()}
    _check(said, there, problems)
    of = {ours: theirs for ours, theirs in said.items() if theirs}
    for ours, aliases in ALIASES.items():
        if ours in said:
            continue
        found = next((name for name in (ours, *aliases) if name in there), None)
        if found is not None and found not in of.values():
            of.setdefault(ours, found)
    if "session_id" in of and "group" not in said:
        of.setdefault("group", of["session_id"])  # a conversation is not torn apart
    in_ms = {ours for ours, theirs in of.items() if theirs.endswith("_ms")}
    in_ms |= {ours for spoken, ours in _MILLISECONDS.items() if spoken in asked}
    return ColumnNames(of, frozenset(in_ms), frozenset(said.keys() - of.keys()))


def without_counts(
    names: ColumnNames, source: RowSource, asked: Mapping[str, str]
) -> tuple[ColumnNames, tuple[str, ...]]:
    """The names without a column `messages` that only counts them, and a note that says so.

    Args:
        names: as resolved.
        source: the file.
        asked: our name to the file's, as the user says.
    """
    column = names.of.get("messages")
    if column is None or "messages" in asked or source.number_share(column) < MOSTLY:
        return names, ()
    of = {ours: theirs for ours, theirs in names.of.items() if ours != "messages"}
    note = f"column {foreign(column)!r} holds no messages, but numbers or nothing: it is left out"
    return replace(names, of=of), (note,)


def is_free(name: str) -> bool:
    """Whether a column could be a confidence signal: it is ours by no name, and no index that
    pandas wrote along.
    """
    return name not in RESERVED and _INDEX.fullmatch(name) is None


def require(
    ours: Sequence[str],
    names: ColumnNames,
    there: Sequence[str],
    problems: Problems,
    *,
    sheet: bool = False,
) -> None:
    """Complain of every one of our columns that the file lacks.

    Args:
        ours: columns that are needed, by our name.
        names: which column of the file holds what.
        there: the file's columns.
        problems: takes the complaints.
        sheet: the file has a row per request.
    """
    beside = f"{Path(problems.file).stem}.log.toml beside the log"
    for name in ours:
        if name not in names:
            problems.add(
                f"no column {name!r}; the columns are {listed_names(there)}."
                f"{_likely(there) if name == 'quality' else ''}"
                f" Say which one it is: `columns={{{name!r}: 'COLUMN'}}`, or [columns] in {beside}"
                + (_without_ids(names, sheet=sheet) if name == "request_id" else "")
                + (GRADES_HINT if name == "model" else "")
            )


def _without_ids(names: ColumnNames, *, sheet: bool) -> str:
    """What a file may do that has no ids."""
    if sheet:
        return "; or number the rows: `columns={'request_id': ''}`"
    by_prompt = "prompt" in names and "model" in names
    return "; or match rows by prompt: `columns={'request_id': ''}`" if by_prompt else ""


def grades(there: Iterable[str]) -> tuple[str, ...]:
    """Columns that by their names hold what answers were worth."""
    return tuple(name for name in there if is_free(name) and is_grade(name))


def _likely(there: Sequence[str]) -> str:
    found = grades(there)
    return f" By name it may be {listed_names(found)}." if found else ""


def multiplier_hint(signal: str, there: Collection[str]) -> str:
    """What to add where a signal is not there: `NAME:TEXT` beside a column NAME."""
    name, _, text = signal.rpartition(":")
    if name not in there:
        return ""
    return f"; the multiplier after {name}: must be a number, such as {name}:3, and not {text!r}"


def listed_names(names: Sequence[str]) -> str:
    """Names for a message, the first dozen of them."""
    if len(names) <= 13:  # "and 1 more" is as long as the name it hides
        return foreign(", ".join(names)) or "none"
    return foreign(first(names, 12))


def _check(of: Mapping[str, str], there: Sequence[str], problems: Problems) -> None:
    for name in sorted({name for name in there if there.count(name) > 1}):
        problems.add(f"the column {name!r} is there twice; rename one")
    spoken = ", ".join((*ALIASES, *_MILLISECONDS))
    for ours, theirs in of.items():
        if ours not in ALIASES:
            problems.add(f"{ours!r} is no column of a log; map one of {spoken}")
        if theirs and theirs not in there:
            problems.add(
                f"no column {theirs!r} to be {ours}; the columns are {listed_names(there)}"
            )
