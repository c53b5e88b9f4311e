"""Which confidence signals a study may read, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from routelab.core import Floats, SignalSpec
from routelab.core.messages import foreign
from routelab.errors import LogError
from routelab.logs.model import Log
from routelab.metrics import is_reversed, label_copy, label_suspicion
from routelab.signals import REVERSED, column_of, proposals, refusal


def refuse(log: Log, names: Iterable[str], models: Sequence[str]) -> None:
    """Refuse signals that are labels, counts or ids, unless somebody vouches for them.

    Args:
        log: with the signals.
        names: of signals; those whose spec is `knowable` are taken as they are.
        models: candidates.
    Raises:
        LogError: all of them, with the reasons.
    """
    quality, columns = judged(log, models)
    misfits = []
    for name in names:
        spec = log.spec(name)
        if not spec.vouched:
            values = log.signals[name][:, columns]
            misfits += _misfits(log.name, name, spec, values, quality, models)
    if misfits:
        raise LogError(*misfits)


def refuse_sampled(
    where: str,
    signals: Sequence[tuple[str, SignalSpec, Floats]],
    quality: Floats,
    models: Sequence[str],
) -> None:
    """`refuse` for some requests of a log that is not in memory.

    Args:
        where: name of the log.
        signals: name, spec and (k, m) confidence of each.
        quality: (k, m) NaN where a call failed.
        models: (m,) candidates.
    Raises:
        LogError: all of them, with the reasons.
    """
    misfits: list[str] = []
    for name, spec, values in signals:
        if not spec.vouched:
            misfits += _misfits(where, name, spec, values, quality, models)
    if misfits:
        raise LogError(*misfits)


def judged(log: Log, models: Sequence[str]) -> tuple[Floats, list[int]]:
    """(n, m) quality of answers, NaN where the call failed, and the columns of these models."""
    columns = [log.column(name) for name in models]
    return np.where(log.error[:, columns], np.nan, log.quality[:, columns]), columns


def doubtful(log: Log, names: Iterable[str], models: Sequence[str]) -> Iterator[str]:
    """Signals that may be labels with noise, or that rank the wrong way round, in sentences."""
    quality, columns = judged(log, models)
    for name in names:
        said = foreign(name)
        values = log.signals[name][:, columns]
        if not log.spec(name).vouched and (why := label_suspicion(values, quality)) is not None:
            yield (
                f"signal {said!r} looks like a label with noise: {why}. If it is known only after"
                " grading, every figure here is too good; leave it out, or vouch for it:"
                f" {_vouching(said, log.spec(name))}"
            )
        if is_reversed(values, quality):
            other = said[len(REVERSED) :] if said.startswith(REVERSED) else f"{REVERSED}{said}"
            yield (
                f"signal {said!r} is reversed: it ranks wrong answers above right ones; more must"
                f" mean surer, so ask for it as `signals=[{other!r}]`"
            )


def unasked(columns: Iterable[str]) -> Iterator[str]:
    """What may be asked for where a study has no signal, as a sentence.

    Args:
        columns: of numbers that nobody named.
    """
    if found := [foreign(name) for name in proposals(columns)]:
        known = "its name" if len(found) == 1 else "their names"
        yield (
            f"no signal was asked for; proposed by {known}: {', '.join(found)}. A policy that reads"
            f" it: `signals={found!r}`"
        )


def _misfits(
    where: str, name: str, spec: SignalSpec, values: Floats, quality: Floats, models: Sequence[str]
) -> Iterator[str]:
    said, source = foreign(name), spec.source.partition(":")[0]
    computed = bool(source) and source != "column"  # of the answer itself, whatever its name
    why = None if computed else refusal(column_of(name))
    if why is None and (copied := label_copy(values, quality, models)) is not None:
        why = f"it copies the label: {copied}"
    if why is not None:
        yield (
            f"{where}: signal {said!r} is refused: {why}. What is not known before the answer is"
            " delivered cannot decide in production. If it is known then, say so:"
            f" {_vouching(said, spec)}"
        )


def _vouching(name: str, spec: SignalSpec) -> str:
    times = "" if spec.multiplier is None else f"multiplier={spec.multiplier:g}, "
    return f"`signals={{{name!r}: SignalSpec({times}knowable=True)}}`"
