"""The same request in several parts of a log, and answers that were left in prompts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.core.messages import first, foreign
from routelab.graders import REFERENCE_COLUMNS
from routelab.lint.answer_texts import plain
from routelab.lint.evidence import LogEvidence
from routelab.lint.finding import LintFinding

_LEAST, _SHARE = 3, 0.01


def duplicates(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Prompts that are in two parts of the split, or in two groups that a split may part."""
    log = evidence.log
    if log.texts is None:
        return
    keys = np.array(
        [f"{a}{b}" for a, b in zip(log.prompt_keys[0], log.texts.message_keys(), strict=True)]
    )
    _, code = np.unique(keys, return_inverse=True)
    for column, name in ((log.requests.split, "split"), (log.requests.group, "group")):
        if column is None or len(set(column)) < 2:
            continue
        parts = np.unique(column.astype(str), return_inverse=True)[1]
        pairs = np.unique(np.column_stack([code, parts]), axis=0)[:, 0]
        apart = np.bincount(pairs, minlength=code.max() + 1) > 1
        rows = apart[code]
        few = name == "group" and rows.mean() <= _SHARE
        if rows.sum() < _LEAST or few:
            continue
        yield LintFinding(
            "duplicates-across-splits",
            "error" if name == "split" else "warning",
            f"the same prompt is in several parts of the column {name!r}"
            if name == "split"
            else "the same prompt is in several groups, which a split may put into several parts",
            int(rows.sum()),
            "what was learned is judged on the requests that it was learned from: too good",
            "keep one of each, or let the log be cut anew (`columns={'split': ''}`)"
            if name == "split"
            else "keep one of each, or let prompts say what stays together"
            " (`columns={'group': ''}`)",
            evidence.ids(rows),
        )
        return  # one is enough to be told


def leaked_answers(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Prompts that end in the right answer."""
    texts = evidence.texts
    if texts is None:
        return
    told = texts.told != ""
    if told.sum() < _LEAST:
        return
    right = np.zeros(len(told), dtype=np.bool_)
    good = evidence.quality >= 0.5
    for row in np.flatnonzero(told):
        right[row] = texts.told[row] in set(texts.short[row, good[row]]) - {""}
    by = "a right answer"
    if names := [it for it in REFERENCE_COLUMNS if it in evidence.columns]:
        by = f"column {foreign(names[0])!r}"
        given = evidence.written(names[0])
        for row in np.flatnonzero(told & ~right):
            known = [it for it in given[row] if it is not None]
            right[row] = bool(known) and plain(str(known[0])) == texts.told[row]
    if right.sum() >= max(_LEAST, _SHARE * len(told)):
        yield LintFinding(
            "leaked-answer",
            "error",
            f"prompts end in the answer ({by}), such as {first(_examples(texts.told, right), 3)}",
            int(right.sum()),
            "every model is right on them, so the cheapest looks best",
            "take the answers out of the prompts and ask again, or leave these requests out",
            evidence.ids(right),
        )


def _examples(told: object, right: object) -> list[str]:
    return [repr(foreign(str(it)[:20])) for it in told[np.flatnonzero(right)[:3]]]  # type: ignore[index,arg-type]
