"""Four disjoint parts of a log: train, tune, calibrate, test; groups stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats, Ints, uniform
from routelab.core.messages import counted, listed, short_repr
from routelab.errors import LogError
from routelab.logs.model.log import Log, Strings
from routelab.logs.model.marks import marked_parts

PARTS = ("train", "tune", "calibrate", "test")
"""Policies are searched on all parts but test, which judges what was chosen, once. Where bounds are
to be proved, calibrate is kept for that.
"""
Whole: TypeAlias = npt.NDArray[np.signedinteger[Any]]
"""Whole numbers of any width, as parts of a log that is not in memory take one byte."""
SHARES = (0.5, 0.2, 0.1, 0.2)
LEAST_GROUPS = 50
"""Groups from which on no part is empty, but for one cut at random in two hundred."""
SEARCHED_PARTS = ("train", "tune", "calibrate")
"""Parts that a study without a certificate searches on: all but the one that judges."""
NEEDED = ("train", "tune", "test")
"""Parts that a given cut must have: calibrate is for certificates alone."""
SPLIT_EDGES = np.cumsum(SHARES)[:-1]
"""(3,) shares of the requests at which one part ends and the next begins."""
FEW = 0.02
"""Share of a part's requests up to which those of groups that began earlier are left out. More of
them are the traffic itself, and figures without them would be those of newcomers."""


Rule: TypeAlias = Literal["column", "time", "random"]
"""What decides which part a request belongs to."""


@short_repr
@dataclass(frozen=True, eq=False)
class Split:
    """Which part each request of a log belongs to.

    Attributes:
        rule: "column" where the log has one that says so, "time" where every request has a
            timestamp, else "random", unless another was asked for.
        seed: of the random rule.
        group: what was kept together: "group", "prompt", "task" or "id".
        cuts_s: Unix seconds between parts, for the time rule.
        tied: requests of the time at a cut are on both sides of it, by a hash of their group.
        returning: requests are in the part of their time, though their group began in an earlier
            one.
        part: (n,) index into `PARTS`; -1 where a request was dropped because its group
            began in an earlier part.
        groups: (n,) integer label of each request's group.
        ids: (n,) of the requests.
    """

    rule: Rule
    seed: int
    group: str
    cuts_s: tuple[float, ...]
    part: Ints
    groups: Ints
    ids: Strings
    tied: bool = False
    returning: bool = False

    def rows(self, *parts: str) -> Ints:
        """(k,) rows of parts in log order; "all" is every row, dropped ones included."""
        if "all" in parts:
            return np.arange(len(self.part))
        return np.flatnonzero(np.isin(self.part, [PARTS.index(part) for part in parts]))

    @property
    def n(self) -> dict[str, int]:
        """Requests in each part."""
        return {part: len(self.rows(part)) for part in PARTS}

    @property
    def n_groups(self) -> dict[str, int]:
        """Groups of the requests in each part."""
        return {part: len(np.unique(self.groups[self.rows(part)])) for part in PARTS}

    @property
    def dropped(self) -> int:
        """Requests that no part has, because their group began in an earlier one."""
        return int(np.count_nonzero(self.part < 0))

    @property
    def returned(self) -> dict[str, int]:
        """Requests in each part whose group has requests in an earlier one."""
        back = came_back(self.part, self.groups)
        return {part: int(np.count_nonzero(back[self.rows(part)])) for part in PARTS}

    def sha256(self) -> Mapping[str, str]:
        """Part to SHA-256 of its sorted request ids, one a line."""
        return {part: _sha256(self.ids[self.rows(part)]) for part in PARTS}


# Long: what decides a request's part, in the order in which it is asked, and what that means.
def split(
    log: Log,
    *,
    seed: int = 0,
    group: str | None = None,
    rule: Rule | None = None,
    need_all_parts: bool = True,
    tied: bool | None = None,
    exact: bool = False,
    returning: bool | None = None,
    marked: bool = True,
) -> Split:
    """Cut a log into train, tune, calibrate and test: .5 / .2 / .1 / .2 of its requests.

    A log that says which part each request belongs to is cut so (see `marked_parts`); where it
    marks either train or tune, a hash of the group parts these requests, .5 to .2. Else, with a
    timestamp on every request the cuts are times, else a hash of the group and the
    seed decides, so that neither order nor later requests move anybody. Where many requests
    have the time of a cut, as with dates, that hash decides which side they are on.

    A group of a cut in time that has requests on both sides of it is a user who comes back, a
    conversation that goes on, or a prompt that many ask. While such requests are few they are left
    out of the later part. Where they are more, they stay in the part of their time, so that each
    part is weighted as its traffic was: production will meet users it has met before, too.

    Args:
        seed: of the cut by hash.
        group: "task" keeps tasks together; None takes the log's group column, else the
            prompt (the user's first turn, where requests have several), else the request alone.
            Prompts that differ in blanks and case are one.
        rule: "random" leaves times aside; "time" and "column" insist on what they say.
        need_all_parts: refuse a cut that leaves a part empty.
        tied: whether a hash decides at a cut; None decides it where a part would be too small.
        exact: prompts are one only if they are equal to the letter, as in version 0.1.0.
        returning: whether requests of a group that began in an earlier part stay in that of their
            time; None keeps them where they are more than `FEW` of a part. Tasks that are to be
            kept together never return.
        marked: whether a column of the log may say which part a request belongs to.
    Raises:
        LogError: the grouping is unknown or not in the log, times are insisted on and some are
            missing or all equal, a column of parts marks none or others, or a part is empty.
    """
    kind, keys = split_keys(log, group, exact=exact)
    marks = _marks(log, rule) if marked else None
    if marks is not None:
        return _as_marked(log, marks, seed, kind, keys, need_all_parts=need_all_parts)
    _, groups = np.unique(keys, return_inverse=True)
    time = _times(log, rule)
    cuts: tuple[float, ...] = ()
    by_hash = kept = False
    if time is None:
        part = _by_hash(keys, seed)
    else:
        at = np.quantile(time, SPLIT_EDGES, method="higher")
        part = np.searchsorted(at, time, side="right")
        counts = _time_counts(time, at)
        by_hash = is_uneven(part_sizes(part), *counts) if tied is None else tied
        if by_hash:
            held = keys if exact else tie_keys(log, kind, keys)
            units = np.array([uniform(seed, str(key), "split") for key in held])
            part = parts_with_ties(time, units, at, *counts, len(time))
        cuts = tuple(at.tolist())
        part, kept = _returned(part, groups, kind, returning)
    found: Rule = "random" if time is None else "time"
    result = Split(found, seed, kind, cuts, part, groups, log.requests.id, by_hash, kept)
    empty = [part for part, n in result.n.items() if n == 0]
    if empty and need_all_parts:
        n_groups = len(np.unique(groups))
        raise LogError(why_empty(log.name, len(log), n_groups, kind, empty, timed=time is not None))
    return result


def why_empty(
    name: str, requests: int, groups: int, kind: str, empty: Sequence[str], *, timed: bool
) -> str:
    """Why parts of a log are empty, and what to do: a sentence for the error.

    Args:
        name: of the log.
        requests, groups: how many it has; kind: what groups are.
        empty: the parts.
        timed: whether it was cut in time.
    """
    lack = f"nothing is left for {listed(empty)}"
    if requests < LEAST_GROUPS:
        return (
            f"{name}: too few requests for a study, {requests}: a log is cut into"
            f" {', '.join(PARTS)}, and {lack}; at least {LEAST_GROUPS} are needed to cut a log, and"
            " some hundreds for a verdict"
        )
    if groups < LEAST_GROUPS:
        whole = "" if kind == "id" else f" by {kind}"
        return (
            f"{name}: its {requests:,} requests are of {counted(groups, 'group')}{whole}, which are"
            f" kept together, and {lack}; at least {LEAST_GROUPS} groups are needed: log more of"
            " them, or cut the log by smaller ones, such as `group='id'`"
        )
    by_time = ", or a cut that leaves times aside: `split='random'`" if timed else ""
    return (
        f"{name}: {requests:,} requests in {groups:,} groups, cut into {', '.join(PARTS)}: {lack};"
        f" a log needs more requests, or smaller groups{by_time}"
    )


def _marks(log: Log, rule: str | None) -> dict[str, int] | None:
    """What the words of the log's column of parts mark, where the log is cut by it."""
    if rule not in (None, "column"):
        return None
    if log.requests.split is None:
        if rule == "column":
            raise LogError(
                f"{log.name}: no column says which part a request belongs to; add one, `split`, or"
                " say which it is: `columns={'split': 'COLUMN'}`"
            )
        return None
    return marked_parts(log.name, set(log.requests.split), insisted=rule == "column")


def _as_marked(
    log: Log,
    marks: Mapping[str, int],
    seed: int,
    kind: str,
    keys: Strings,
    *,
    need_all_parts: bool,
) -> Split:
    """The log cut as its column of parts says.

    Raises:
        LogError: a part that every study needs is empty.
    """
    words = log.requests.split
    assert words is not None  # or there were no marks
    _, groups = np.unique(keys, return_inverse=True)
    part = np.array([marks[str(word)] for word in words])
    held = tie_keys(log, kind, keys)
    part = fill_unmarked(part, set(marks.values()), held, seed)
    made = Split("column", seed, kind, (), part, groups, log.requests.id, returning=True)
    empty = [it for it in NEEDED if made.n[it] == 0]
    if empty and need_all_parts:
        raise LogError(unmarked_text(log.name, empty))
    return made


def unmarked_text(name: str, empty: Sequence[str]) -> str:
    """The problem of a log whose column of parts leaves parts without a request."""
    return (
        f"{name}: column 'split' leaves no request for {', '.join(empty)}; mark some, or cut the"
        " log with `split='time'` or 'random'"
    )


def fill_unmarked(part: Ints, marked: Set[int], keys: Sequence[str] | Strings, seed: int) -> Ints:
    """(n,) parts of which train and tune both have requests, where one of them was marked.

    Args:
        part: (n,) as marked.
        marked: the parts that any request of the log is marked as.
        keys: (n,) the same for all requests of a group.
        seed: of the hash that parts groups, as train and tune have their shares.
    """
    here = part == (0 if 0 in marked else 1)
    if {0, 1} <= marked:
        return part
    edge = SHARES[0] / (SHARES[0] + SHARES[1])
    filled = part.copy()
    filled[here] = [
        int(uniform(seed, str(key), "split") >= edge)
        for key, it in zip(keys, here, strict=True)
        if it
    ]
    return filled


def came_back(part: Whole, groups: Ints) -> Bools:
    """(n,) whether a request's group has requests in an earlier part, too.

    Args:
        part: (n,) index into `PARTS`, or -1.
        groups: (n,) labels from 0.
    """
    first = np.full(groups.max(initial=0) + 1, len(PARTS))
    np.minimum.at(first, groups[part >= 0], part[part >= 0])
    return np.asarray(part > first[groups])


def are_many(by_time: Ints, left: Ints) -> bool:
    """Whether a part would lose more than `FEW` of its requests.

    Args:
        by_time: (4,) requests of each part, those whose group began in an earlier one included.
        left: (4,) requests without them.
    """
    return bool((left < (1 - FEW) * by_time).any())


def is_uneven(n: Ints, before: Ints, until: Ints) -> bool:
    """Whether equal times leave a part (4,) less than half of the requests that it should have.

    Args:
        n: (4,) requests of each part.
        before, until: see `parts_with_ties`.
    """
    small = bool((n < 0.5 * n.sum() * np.array(SHARES)).any())
    return small and bool((until - before > 1).any())


def part_sizes(part: Whole) -> Ints:
    """(4,) requests of each part."""
    return np.bincount(part[part >= 0], minlength=len(PARTS))


def _time_counts(time: Floats, cuts: Floats) -> tuple[Ints, Ints]:
    """(3,) how many requests are before each cut, and how many are before it or at it."""
    order = np.sort(time)
    return np.searchsorted(order, cuts), np.searchsorted(order, cuts, side="right")


def parts_with_ties(
    time: Floats, units: Floats, cuts: Floats, before: Ints, until: Ints, total: int
) -> Ints:
    """(n,) parts of requests in time, of which those at the time of a cut are spread by hash.

    Args:
        time: (n,) of them.
        units: (n,) uniform numbers of their groups.
        cuts: (3,) times at which shares of the log's requests end; equal ones are possible.
        before, until: (3,) requests of the log before each cut, and before or at it.
        total: of the log.
    """
    part = np.searchsorted(cuts, time, side="right")
    for cut, first, last in zip(cuts, before, until, strict=True):
        here = time == cut
        rank = first + units[here] * (last - first)
        part[here] = np.searchsorted(SPLIT_EDGES * total, rank, side="right")
    return part


def _times(log: Log, rule: str | None) -> Floats | None:
    """Times that a log can be cut by; None where it is cut at random.

    Raises:
        LogError: times are insisted on and there are none that a log can be cut by.
    """
    if rule not in (None, "column", "time", "random"):
        raise LogError(f"unknown `split` {rule!r}; choose column, time or random")
    if rule == "random":
        return None
    time = log.requests.timestamp_s
    if time is not None and bool(np.isfinite(time).all()) and len(np.unique(time)) >= len(PARTS):
        return time
    if rule == "time":
        raise LogError(
            f"{log.name}: cannot be cut in time: a timestamp is needed on every request, and"
            f" {len(PARTS)} different ones"
        )
    return None


def split_keys(log: Log, group: str | None, *, exact: bool = False) -> tuple[str, Strings]:
    """What is kept together, and its (n,) keys; who has none stands alone.

    Prompts that differ in blanks and case have the key of the first of them.

    Args:
        exact: they do not.
    Raises:
        LogError: the grouping is unknown, or the log has no such column.
    """
    if group not in (None, "group", "prompt", "task", "id"):
        raise LogError(f"unknown grouping {group!r}; choose group, prompt, task or id")
    columns = {"group": log.requests.group, "task": log.requests.task, "id": log.requests.id}
    if group is None:
        has_prompts = log.texts is not None
        group = "group" if columns["group"] is not None else "prompt" if has_prompts else "id"
    keys = columns.get(group)
    if group == "prompt":
        keys = log.opening_keys
        keys = keys if exact else _first_of(log.prompt_groups, keys)
    if keys is None:
        raise LogError(f"{log.name}: no {group} column to group by")
    missing = log.prompt_keys[1] == 0 if group == "prompt" else keys == ""
    return group, np.where(missing, "\x1f" + log.requests.id, keys)


def tie_keys(log: Log, kind: str, keys: Strings) -> Strings:
    """(n,) keys by which requests of equal times are spread, the same for all of a group.

    Args:
        kind, keys: of `split_keys`.
    """
    if kind != "prompt":
        return keys
    return np.where(log.prompt_keys[1] == 0, keys, log.prompt_groups)


def _first_of(groups: Strings, keys: Strings) -> Strings:
    """(n,) the key of the first request of each group."""
    first: dict[str, str] = {}
    held = [first.setdefault(group, key) for group, key in zip(groups, keys, strict=True)]
    return np.array(held, dtype=object)


def _returned(part: Ints, groups: Ints, kind: str, returning: bool | None) -> tuple[Ints, bool]:
    """Parts in time with or without requests of groups that began earlier, and which it is."""
    back = came_back(part, groups)
    if returning is None:
        returning = kind != "task" and are_many(part_sizes(part), part_sizes(part[~back]))
    return (part, True) if returning else (np.where(back, -1, part), False)


def _by_hash(keys: Strings, seed: int) -> Ints:
    units = [uniform(seed, str(key), "split") for key in keys]
    return np.searchsorted(SPLIT_EDGES, units, side="right")


def _sha256(ids: Strings) -> str:
    text = "\n".join(sorted(str(name) for name in ids))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
