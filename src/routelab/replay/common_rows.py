"""Requests on which two policies can be compared fairly, and what the comparison means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.logs.model import PARTS, Log, Split, split
from routelab.policy_file import Document, PolicyFile
from routelab.replay.comparison_set import ComparisonSet, comparison_set
from routelab.replay.study_rows import is_recorded, recorded_cut

UNSEEN = "unseen"
"""Requests in the test parts of both policies, where those are parts of the same log."""


class CommonRows(NamedTuple):
    """The same rows twice, each time with one policy's scorers, prices and seed.

    Attributes:
        notes: what a reader must know of the comparison, in sentences.
    """

    old: ComparisonSet
    new: ComparisonSet
    notes: tuple[str, ...]


def common_rows(
    old: PolicyFile, new: PolicyFile, log: Log, part: str, *, allow_missing: bool = False
) -> CommonRows:
    """The rows of a part of the log that have an outcome of every candidate of either policy.

    Both are charged for signals as NEW says.

    Args:
        part: "train", "tune", "calibrate", "test", "all", or "unseen".
    Raises:
        LogError: an unknown part; a part of a log that neither was tuned on; policies whose
            studies cut this log differently, unless all or only unseen requests are wanted;
            a log that lacks a candidate or a signal, or cannot be compared.
    """
    if part not in (*PARTS, "all", UNSEEN):
        raise LogError(f"unknown part {part!r}; choose {', '.join(PARTS)}, {UNSEEN} or all")
    before, after = old.document, new.document
    log = log.with_specs({**before.signals, **after.signals})
    cuts = _recorded(before, log), _recorded(after, log)
    rule = _cut(before, after, log, part, cuts)
    candidates = tuple(dict.fromkeys((*after.candidates, *before.candidates)))
    here = comparison_set(
        log,
        rule,
        "test" if part == UNSEEN else part,
        candidates,
        catalogue=_catalogue(before, after, candidates),
        seed=after.seed,
        allow_missing=allow_missing,
    )
    if part == UNSEEN and cuts[0] is not None and cuts[1] is not None:
        here = _in_both(here, cuts[0], cuts[1])
    return CommonRows(
        _of(here, old, _catalogue(after, before, candidates)),
        _of(here, new, here.catalogue),
        tuple(_notes(before, after, part, cuts)),
    )


def _recorded(document: Document, log: Log) -> Split | None:
    """The cut of the policy's study, if this is the log it was tuned on."""
    record = document.split
    if record is None:
        return None
    try:
        cut = recorded_cut(document, log)
    except LogError:
        return None
    return cut if is_recorded(document, log, cut) else None


def _cut(
    old: Document, new: Document, log: Log, part: str, cuts: tuple[Split | None, Split | None]
) -> Split:
    """Which rows the parts are."""
    before, after = cuts
    known = after or before
    if part == "all":
        return known or split(log, seed=new.seed, need_all_parts=False)
    if known is None:
        raise LogError(
            f"{log.name}: neither policy was tuned on this log, so it has no {part} part; use"
            " `part='all'` to compare them on all of it"
        )
    if before is None or after is None or before.sha256() == after.sha256() or part == UNSEEN:
        return known
    raise LogError(
        f"{log.name}: {old.name!r} and {new.name!r} cut this log differently"
        f" ({_rule_text(before)}; {_rule_text(after)}): what is {part} for one was used to make the"
        " other, which would look better than it is. Tune both with the same `seed` and `group`, or"
        f" compare them on the requests in both test parts with `part={UNSEEN!r}`"
    )


def _rule_text(cut: Split) -> str:
    return f"by {cut.rule}, seed {cut.seed}, {cut.group} kept together"


def _in_both(here: ComparisonSet, before: Split, after: Split) -> ComparisonSet:
    both = np.intersect1d(before.rows("test"), after.rows("test"))
    rows = np.flatnonzero(np.isin(here.coverage.rows, both))
    if not len(rows):
        raise LogError(
            f"{here.log.name}: no request is in the test parts of both policies; tune both with"
            " the same `seed` and `group`"
        )
    return here.take(rows, UNSEEN)


def _catalogue(least: Document, most: Document, candidates: tuple[str, ...]) -> Catalogue:
    """What is known of the candidates; `most` goes before `least`."""
    return Catalogue({**least.catalogue.models, **most.catalogue.models}).only(candidates)


def _of(here: ComparisonSet, policy: PolicyFile, catalogue: Catalogue) -> ComparisonSet:
    """The rows as one of the policies decides them."""
    document = policy.document
    return replace(
        here,
        catalogue=catalogue,
        seed=document.seed,
        scoring=policy.scoring,
        estimates=document.estimates,
    )


def _notes(
    old: Document, new: Document, part: str, cuts: tuple[Split | None, Split | None]
) -> Iterator[str]:
    if part == "all":
        yield (
            "all requests are compared, those on which a policy was tuned among them: both may"
            " look better than they are, and the one tuned on this log more so"
        )
    elif cuts[0] is None or cuts[1] is None:
        other, this = (old, new) if cuts[0] is None else (new, old)
        yield (
            f"{other.name!r} was not tuned on this log; the {part} part is that of"
            f" {this.name!r}. If {other.name!r} was tuned on some of these requests, it looks"
            " better than it is"
        )
    for name in old.signals.keys() & new.signals.keys():
        if old.signals[name] != new.signals[name]:
            yield (
                f"signal {name!r} is described otherwise in the two; both are charged for it as"
                f" {new.name!r} says"
            )
