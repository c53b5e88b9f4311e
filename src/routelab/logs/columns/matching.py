"""Requests of a log whose ids say nothing: rows of one prompt are one request."""

from __future__ import annotations

import numpy as np

from routelab.core import Ints
from routelab.logs.columns.frame import Frame
from routelab.logs.formats import arrow, prompt_group
from routelab.logs.model import Problems

_LOOK = 2048
"""Rows of which prompts are compared, from the first; of a short log, all."""
_SHORT = 20_000


def is_meant(frame: Frame) -> bool:
    """Whether every request of the log should have a row of every model."""
    return not frame.unjudged and not {"step", "propensity"} & set(frame.columns)


def numbered(names: arrow.CodedColumn) -> arrow.CodedColumn:
    """An id of its own for each row of a log without ids."""
    n = len(names.codes)
    values = np.empty(n, dtype=object)
    values[:] = [f"row {at + 1}" for at in range(n)]
    return arrow.CodedColumn(np.arange(n), values)


def by_prompt(
    frame: Frame, model: Ints, problems: Problems, *, own_ids: bool
) -> tuple[arrow.CodedColumn | None, str]:
    """What rows (N,) of one prompt have in common, and a note; equal but for blanks and case.

    Args:
        model: (N,) of each row.
        own_ids: the log has ids, no two of them equal; where prompts tell no more than they do,
            there is nothing in common.
    Raises:
        LogError: a log without ids has no prompts that tell which rows belong together.
    """
    why = (
        f"every row has a request_id of its own ({len(model):,} rows), so that no request has"
        " answers of two models"
        if own_ids
        else "the log has no request_id"
    )
    keys, against = _shared(frame, model)
    if keys is not None:
        said = f"rows of one prompt are taken as one request, {len(keys.values):,} in all"
        return keys, f"{why}: {said}"
    said = (
        f"{why}, and {against}; give all rows of a request one id, or name the column that holds"
        " it: `columns={'request_id': 'COLUMN'}`"
    )
    if not own_ids:
        problems.add(said)
        problems.stop()
    return None, said


def _shared(frame: Frame, model: Ints) -> tuple[arrow.CodedColumn | None, str]:
    """Prompts as ids of rows (N,); or None, and why they cannot be."""
    if frame.prompts is None:
        return None, "there is no prompt to match rows by"
    texts = np.array([prompt_group(text) for text in frame.prompts()], dtype=object)
    keys, codes = np.unique(texts, return_inverse=True)
    m = int(model.max()) + 1
    pairs, counts = np.unique(codes.astype(np.int64) * m + model, return_counts=True)
    again = int((counts > 1).sum())
    if again:
        return None, f"{again:,} prompts were answered by a model more than once"
    if 2 * np.count_nonzero(np.bincount(pairs // m) > 1) < len(keys):
        return None, "most prompts were answered by one model only"
    return arrow.CodedColumn(codes.astype(np.int64), keys), ""


def same_prompts(frame: Frame, request: Ints, first: Ints, problems: Problems) -> tuple[str, ...]:
    """A note on requests of which rows have different prompts, as far as a look tells.

    Args:
        request, first: of rows; see `LogRows`.
        problems: takes the complaint where that is so for most.
    """
    if frame.prompts is None or len(first) == len(request):
        return ()
    look = len(request) if len(request) <= _SHORT else _LOOK
    later = np.flatnonzero(first[request[:look]] != np.arange(min(look, len(request))))
    later = later[first[request[later]] < look]
    if not len(later):
        return ()
    keys = np.array([prompt_group(text) for text in frame.prompts(look)], dtype=object)
    differ = later[keys[later] != keys[first[request[later]]]]
    if not len(differ):
        return ()
    row = int(differ[0])
    said = (
        f"{len(differ):,} of {len(later):,} rows have another prompt than the first row of their"
        f" request, such as row {row + 1} and row {int(first[request[row]]) + 1}"
    )
    if 2 * len(differ) <= len(later):
        return (f"{said}: the first one counts",)
    column = "prompt" if frame.messages is None else "messages"
    problems.add(
        f"{said}; where ids start anew for each model, match rows by prompt:"
        " `columns={'request_id': ''}`; where each model has a prompt of its own for one request,"
        f" leave prompts out: `columns={ {column: ''} }`"
    )
    return ()
