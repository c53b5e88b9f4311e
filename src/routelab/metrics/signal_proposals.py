"""Columns of numbers that nobody asked for: which may be signals, and which cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, SignalSpec
from routelab.logs.model import Log
from routelab.metrics.label_copies import label_copy, label_suspicion
from routelab.metrics.signal_quality import Quality, is_reversed, measured
from routelab.signals import REVERSED, column_of, proposal, refusal


class SignalProposal(NamedTuple):
    """What a column of numbers may be.

    Attributes:
        column: its name.
        signal: name to ask for it by, which may be `reversed:COLUMN`.
        likely: its name is that of a signal, and nothing speaks against it.
        refused: why a study does not take it; None if it does.
        suspicion: why it may be a label with noise; None where nothing speaks for it.
        reversed: its higher values go with wrong answers, beyond chance.
        quality: by model, as `signal_quality` gives it, of the column as it is.
    """

    column: str
    signal: str
    likely: bool
    refused: str | None
    suspicion: str | None
    reversed: bool
    quality: dict[str, Quality]


def signal_proposals(log: Log, *, named: bool = False) -> list[SignalProposal]:
    """What the columns that nobody asked for may be, in the order of the file.

    Args:
        log: whose `unasked` are looked at.
        named: only those whose names are of signals.
    """
    quality = judged_quality(log)
    found = []
    for column, values in log.unasked.items():
        by_name = proposal(column)
        if named and by_name is None:
            continue
        turned = is_reversed(values, quality)
        upright = not turned and is_reversed(-values, quality)
        opposite = turned or (by_name not in (None, column) and not upright)
        refused = why_refused(column, SignalSpec(), values, quality, log.models)
        found.append(
            SignalProposal(
                column=column,
                signal=f"{REVERSED}{column}" if opposite else column,
                likely=by_name is not None and refused is None,
                refused=refused,
                suspicion=None if refused else label_suspicion(values, quality),
                reversed=turned,
                quality={
                    model: measured(values[:, at], quality[:, at])
                    for at, model in enumerate(log.models)
                    if np.isfinite(values[:, at]).any()
                },
            )
        )
    return found


def judged_quality(log: Log) -> Floats:
    """(n, m) quality of the answers of a log; NaN where the call failed or nobody judged."""
    return np.where(log.error, np.nan, log.quality)


def why_refused(
    signal: str, spec: SignalSpec, confidence: Floats, quality: Floats, models: Sequence[str]
) -> str | None:
    """Why a study does not take a signal, in words; None where it does.

    Args:
        signal: its name.
        spec: that may vouch for it, or say that it is computed of the answer.
        confidence: (n, m) NaN = missing.
        quality: (n, m) NaN = not judged, or the call failed.
        models: (m,) names.
    """
    if spec.vouched:
        return None
    source = spec.source.partition(":")[0]
    computed = bool(source) and source != "column"  # of the answer itself, whatever its name
    if not computed and (why := refusal(column_of(signal))) is not None:
        return why
    copied = label_copy(confidence, quality, models)
    return None if copied is None else f"it copies the label: {copied}"
