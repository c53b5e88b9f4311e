"""The comparison set of a recorded study: the same cut of the same log, or why there is none."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from routelab.core import Scoring
from routelab.errors import LogError
from routelab.logs.model import PARTS, Log, Rule, Split, split
from routelab.policy_file import Document, SplitRecord
from routelab.replay.comparison_set import SEARCHED, ComparisonSet, comparison_set


def study_rows(
    document: Document,
    log: Log,
    part: str,
    *,
    allow_missing: bool = False,
    scoring: Scoring | None = None,
) -> ComparisonSet:
    """A part of the log a policy was tuned on, or the whole of any log.

    Args:
        document: of the policy, which says how the log was cut.
        part: "train", "tune", "calibrate", "test", "all", or "searched" for all of those parts
            that the policy was chosen on.
        allow_missing: accept that over 20 % of the rows lack a candidate's outcome.
        scoring: the policy's scorers.
    Raises:
        LogError: an unknown part; a part of another log than the policy's; a log that lacks
            a candidate or cannot be compared.
    """
    log = log.with_specs(document.signals)
    record = document.split
    cut, same = study_cut(document, log, part)
    return comparison_set(
        log,
        cut,
        record.chosen_on if record is not None and part == SEARCHED else part,
        document.candidates,
        catalogue=document.catalogue,
        seed=document.seed,
        allow_missing=allow_missing,
        learn=same,
        scoring=scoring,
        estimates=document.estimates,
    )


def study_cut(document: Document, log: Log, part: str) -> tuple[Split, bool]:
    """How the study cut the log, and whether this is that log.

    Args:
        document: of the policy that the study exported.
        log: that may be the one it was tuned on.
        part: "train", "tune", "calibrate", "test", "all" or "searched".
    Raises:
        LogError: an unknown part; a part of another log than the policy's.
    """
    if part not in (*PARTS, SEARCHED, "all"):
        raise LogError(f"unknown part {part!r}; choose {', '.join(PARTS)} or all")
    record = document.split
    if record is None and part != "all":
        raise LogError(f"policy {document.name!r} records no split; use `part='all'`")
    cut = _cut(document, log, part)
    same = is_recorded(document, log, cut)
    if not same and part != "all":
        raise LogError(
            f"{log.name}: is not the log that policy {document.name!r} was tuned on (its request"
            f" ids differ), so it has no {part} part; use `part='all'` to replay it whole"
        )
    return cut, same


def is_recorded(document: Document, log: Log, cut: Split) -> bool:
    """Whether a cut is the recorded one: of the same ids, or of the same files.

    A study that read its log in batches records no ids.
    """
    record = document.split
    if record is None or record.sha256:
        return record is not None and cut.sha256() == record.sha256
    same_files = document.provenance.get("log_sha256") == log.sha256
    return same_files and (cut.n, cut.cuts_s) == (record.n, record.cuts_s)


def recorded_cut(document: Document, log: Log, *, need_all_parts: bool = True) -> Split:
    """The cut that a policy's study recorded; if this is another log, the one it would get.

    Args:
        document: of a policy that records a split.
        log: that may be the one it was tuned on.
        need_all_parts: refuse a cut that leaves a part empty.
    Raises:
        LogError: the log lacks what was kept together, or a part is empty.
    """
    record = document.split
    assert record is not None  # as the caller knows
    rule = asked_again(record)
    tied = (False, True) if rule is None else (None,)  # a record does not say, but its ids do
    exact = (False, True) if record.group == "prompt" else (False,)
    for ties, letters in itertools.product(tied, exact):
        cut = split(
            log,
            seed=record.seed,
            group=record.group,
            rule=rule,
            tied=ties,
            exact=letters,
            returning=record.returning,
            marked=record.rule == "column",
            need_all_parts=False,
        )
        if is_recorded(document, log, cut):
            return cut
    return split(
        log,
        seed=record.seed,
        group=record.group,
        rule=rule,
        need_all_parts=need_all_parts,
        marked=record.rule == "column",
    )


def asked_again(record: SplitRecord) -> Rule | None:
    """The rule to ask for, so that a log is cut as recorded; None for times where it has them."""
    return None if record.rule == "time" else record.rule


def _cut(document: Document, log: Log, part: str) -> Split:
    """The recorded cut; of a log that is used whole and lacks the recorded group, its own."""
    record, whole = document.split, part == "all"
    if record is None:
        return split(log, seed=document.seed, need_all_parts=False)
    try:
        return recorded_cut(document, log, need_all_parts=not whole)
    except LogError:
        if not whole:
            raise
        return split(log, seed=record.seed, need_all_parts=False)


def differs(document: Document, log: Log) -> str | None:
    """A sentence when this is not what the policy was tuned on: another file, or other prices."""
    made_from = document.provenance
    if made_from.get("log_sha256") not in (None, log.sha256):
        what = "is not the file"
    elif made_from.get("costs_sha256") not in (None, costs_sha256(log)):
        what = "does not have the costs (another `prices`?)"
    else:
        return None
    return (
        f"{log.name}: {what} that policy {document.name!r} was tuned on; figures will differ"
        " from those of the study"
    )


def costs_sha256(log: Log) -> str:
    """Of the costs that are charged, wherever they came from."""
    return hashlib.sha256(np.ascontiguousarray(log.cost_usd).tobytes()).hexdigest()
