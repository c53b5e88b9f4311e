"""A policy replayed over a log that is read in batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from routelab.errors import LogError
from routelab.logs import LogBatches
from routelab.logs.model import PARTS
from routelab.policy_file import Document, PolicyFile
from routelab.replay import REFUSE, Figures, NamedPolicy, asked_again
from routelab.replay.partitions import MomentsQuery, PartitionedSplit, Workers
from routelab.tuning.partitions.measure import evaluated
from routelab.tuning.partitions.scan import Passes, Scan, scan


def replay_partitions(
    batches: LogBatches,
    policy: PolicyFile,
    part: str,
    workers: Workers,
    *,
    allow_missing: bool = False,
    passes: Passes = lambda _: lambda *_: None,
    notify: Callable[[str], None] = lambda _: None,
) -> Figures:
    """Figures of a policy on a part of the log it was tuned on, or on the whole of any.

    Args:
        batches: the log, read in batches.
        policy: without scorers.
        part: "train", "tune", "calibrate" or "test" of the policy's own log, or "all".
        workers: that read the files.
        allow_missing: accept a log of which many requests lack an outcome of a candidate.
        passes: given the name of a pass over the log, what is called with its progress.
        notify: called with a sentence on what a reader of the figures must know besides.
    Raises:
        LogError: the log has no such part, lacks a candidate, or cannot be compared.
    """
    document = policy.document
    _refuse_unfit(document, part)
    log = scan(batches, workers, passes)
    if missing := [name for name in document.candidates if name not in log.models]:
        raise LogError(f"{log.name}: no model {missing[0]!r}; it has {', '.join(log.models)}")
    if lacking := [name for name in policy.policy.signals_used if name not in log.batches.signals]:
        raise LogError(f"{log.name}: no values of signal {lacking[0]!r}, which the policy needs")
    cut, same = _recorded(document, log, whole=part == "all")
    if part != "all" and not same:
        raise LogError(
            f"{log.name}: is not the log that policy {document.name!r} was tuned on (its parts"
            f" differ), so it has no {part} part; use `part='all'` to replay it whole"
        )
    if document.provenance.get("log_sha256") not in (None, cut.sha256):
        notify(
            f"{log.name}: is not the files that policy {document.name!r} was tuned on; figures"
            " will differ from those of the study"
        )
    query = MomentsQuery((), document.catalogue, document.seed, document.estimates)
    parts = log.part(cut, part, document.candidates)
    moments = log.moments(parts, [policy.policy], query, "replaying")
    coverage = moments.coverage()
    if not moments.n or (coverage.share_dropped > REFUSE and not allow_missing):
        raise LogError(
            f"{log.name}: {coverage.warning() or 'no request can be compared'}; over"
            f" {REFUSE:.0%} is refused: choose other models, or pass `allow_missing=True` if rows"
            " are missing by chance"
        )
    if text := coverage.warning():
        notify(text)
    named = [NamedPolicy(document.name, policy.policy)]
    logged = sum(cut.n.values())
    return evaluated(moments, named, document.candidates, part, document.seed, logged)[0]


def _recorded(document: Document, log: Scan, *, whole: bool) -> tuple[PartitionedSplit, bool]:
    """The cut of the policy's study, and whether it is; else the one that the log gets.

    A record does not say whether equal times were parted, or prompts told apart to the letter.
    """
    record = document.split
    if record is None:
        return log.cut(document.seed, None, need_all_parts=not whole), True
    rule, marked = asked_again(record), record.rule == "column"
    tied = (False, True) if rule is None else (None,)
    exact = (False, True) if record.group == "prompt" else (False,)
    for ties, letters in itertools.product(tied, exact):
        cut = log.cut(
            record.seed,
            record.group,
            rule,
            need_all_parts=False,
            tied=ties,
            exact=letters,
            returning=record.returning,
            marked=marked,
        )
        if whole or (cut.n, cut.cuts_s) == (record.n, record.cuts_s):
            return cut, True
    again = log.cut(record.seed, record.group, rule, need_all_parts=not whole, marked=marked)
    return again, False


def _refuse_unfit(document: Document, part: str) -> None:
    """Refuse what cannot be replayed in batches, before the log is read.

    Raises:
        LogError: no such part, or a policy with scorers.
    """
    if part not in (*PARTS, "all"):
        raise LogError(f"unknown part {part!r}; choose {', '.join(PARTS)} or all")
    if document.split is None and part != "all":
        raise LogError(f"policy {document.name!r} records no split; use `part='all'`")
    if document.scorers:
        raise LogError(
            f"policy {document.name!r} has scorers, which read requests one by one; replay it on a"
            " log in memory, without `workers`"
        )
