"""Four disjoint parts of a log: train, tune, calibrate, test; groups stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from routelab.core import Floats, Ints, uniform
from routelab.core.messages import short_repr
from routelab.errors import LogError
from routelab.logs.model.log import Log, Strings

PARTS = ("train", "tune", "calibrate", "test")
"""Scorers learn on train, policies are searched on tune, bounds are proved on calibrate, and test
judges what was chosen, once.
"""
SHARES = (0.5, 0.2, 0.1, 0.2)
SPLIT_EDGES = np.cumsum(SHARES)[:-1]
"""(3,) shares of the requests at which one part ends and the next begins."""


@short_repr
@dataclass(frozen=True, eq=False)
class Split:
    """Which part each request of a log belongs to.

    Attributes:
        rule: "time" where every request has a timestamp, else "random".
        seed: of the random rule.
        group: what was kept together: "group", "prompt", "task" or "id".
        cuts_s: Unix seconds between parts, for the time rule.
        part: (n,) index into `PARTS`; -1 where a request was dropped because its group
            began in an earlier part.
        groups: (n,) integer label of each request's group.
        ids: (n,) of the requests.
    """

    rule: Literal["time", "random"]
    seed: int
    group: str
    cuts_s: tuple[float, ...]
    part: Ints
    groups: Ints
    ids: Strings

    def rows(self, part: str) -> Ints:
        """(k,) rows of a part in log order; "all" is every row, dropped ones included."""
        if part == "all":
            return np.arange(len(self.part))
        return np.flatnonzero(self.part == PARTS.index(part))

    @property
    def n(self) -> dict[str, int]:
        """Requests in each part."""
        return {part: len(self.rows(part)) for part in PARTS}

    @property
    def dropped(self) -> int:
        """Requests whose group began in an earlier part."""
        return int(np.count_nonzero(self.part < 0))

    def sha256(self) -> Mapping[str, str]:
        """Part to SHA-256 of its sorted request ids, one a line."""
        return {part: _sha256(self.ids[self.rows(part)]) for part in PARTS}


def split(
    log: Log, *, seed: int = 0, group: str | None = None, need_all_parts: bool = True
) -> Split:
    """Cut a log into train, tune, calibrate and test: .5 / .2 / .1 / .2 of its requests.

    With a timestamp on every request the cuts are times, else a hash of the group and the
    seed decides, so that neither order nor later requests move anybody.

    Args:
        seed: of the cut by hash.
        group: "task" keeps tasks together; None takes the log's group column, else the
            prompt (the user's first turn, where requests have several), else the request alone.
        need_all_parts: refuse a cut that leaves a part empty.
    Raises:
        LogError: the grouping is unknown or not in the log, or a part is empty.
    """
    kind, keys = split_keys(log, group)
    _, groups = np.unique(keys, return_inverse=True)
    time = log.requests.timestamp_s
    if time is not None and bool(np.isfinite(time).all()) and len(np.unique(time)) >= len(PARTS):
        cuts = np.quantile(time, SPLIT_EDGES, method="higher")
        part = _by_time(time, cuts, groups)
        result = Split("time", seed, kind, tuple(cuts.tolist()), part, groups, log.requests.id)
    else:
        result = Split("random", seed, kind, (), _by_hash(keys, seed), groups, log.requests.id)
    empty = [part for part, n in result.n.items() if n == 0]
    if empty and need_all_parts:
        raise LogError(
            f"{log.name}: {len(log)} requests in {len(np.unique(groups))} groups leave no"
            f" request for {', '.join(empty)}; a log needs more requests, or smaller groups"
        )
    return result


def split_keys(log: Log, group: str | None) -> tuple[str, Strings]:
    """What is kept together, and its (n,) keys; who has none stands alone.

    Raises:
        LogError: the grouping is unknown, or the log has no such column.
    """
    if group not in (None, "group", "prompt", "task", "id"):
        raise LogError(f"unknown grouping {group!r}; choose group, prompt, task or id")
    columns = {"group": log.requests.group, "task": log.requests.task, "id": log.requests.id}
    if group is None:
        has_prompts = log.texts is not None
        group = "group" if columns["group"] is not None else "prompt" if has_prompts else "id"
    keys = log.opening_keys if group == "prompt" else columns[group]
    if keys is None:
        raise LogError(f"{log.name}: no {group} column to group by")
    missing = log.prompt_keys[1] == 0 if group == "prompt" else keys == ""
    return group, np.where(missing, "\x1f" + log.requests.id, keys)


def _by_time(time: Floats, cuts: Floats, groups: Ints) -> Ints:
    part = np.searchsorted(cuts, time, side="right")
    first = np.full(groups.max() + 1, len(PARTS))
    np.minimum.at(first, groups, part)
    return np.where(part == first[groups], part, -1)


def _by_hash(keys: Strings, seed: int) -> Ints:
    units = [uniform(seed, str(key), "split") for key in keys]
    return np.searchsorted(SPLIT_EDGES, units, side="right")


def _sha256(ids: Strings) -> str:
    text = "\n".join(sorted(str(name) for name in ids))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
