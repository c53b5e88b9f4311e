"""Which confidence signals a study may read, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from routelab.core import Floats, SignalSpec
from routelab.core.messages import foreign
from routelab.errors import LogError
from routelab.logs.model import Log
from routelab.metrics import (
    is_reversed,
    judged_quality,
    label_suspicion,
    signal_proposals,
    told_by,
    why_refused,
)
from routelab.signals import REVERSED


def refuse(log: Log, names: Iterable[str], models: Sequence[str]) -> None:
    """Refuse signals that are labels, counts or ids, unless somebody vouches for them.

    Args:
        log: with the signals.
        names: of signals; those whose spec is `knowable` are taken as they are.
        models: candidates.
    Raises:
        LogError: all of them, with the reasons.
    """
    if misfits := list(refusals(log, names, models)):
        raise LogError(*misfits)


def refusals(log: Log, names: Iterable[str], models: Sequence[str]) -> Iterator[str]:
    """Why a study does not take some signals, in sentences.

    Args:
        log, names, models: as for `refuse`.
    """
    return refused_values(log.name, *_values(log, names, models), models)


def refused_values(
    where: str,
    signals: Iterable[tuple[str, SignalSpec, Floats]],
    quality: Floats,
    models: Sequence[str],
) -> Iterator[str]:
    """`refusals` for values of any log.

    Args:
        where: name of the log.
        signals: name, spec and (n, m) confidence of each.
        quality: (n, m) NaN where a call failed.
        models: (m,) candidates.
    """
    for name, spec, values in signals:
        if (why := why_refused(name, spec, values, quality, models)) is not None:
            said = foreign(name)
            yield (
                f"{where}: signal {said!r} is refused: {why}. What is not known before the answer"
                " is delivered cannot decide in production. If it is known then, say so:"
                f" {_vouching(said, spec)}"
            )


def doubtful(log: Log, names: Iterable[str], models: Sequence[str]) -> Iterator[str]:
    """Signals that may be labels with noise, or that rank the wrong way round, in sentences.

    Args:
        log, names, models: as for `refuse`; what that refuses is left out.
    """
    return doubtful_values(*_values(log, names, models), models)


def doubtful_values(
    signals: Iterable[tuple[str, SignalSpec, Floats]], quality: Floats, models: Sequence[str]
) -> Iterator[str]:
    """`doubtful` for values of any log.

    Args:
        signals, quality, models: as for `refused_values`.
    """
    for name, spec, values in signals:
        said = foreign(name)
        if why_refused(name, spec, values, quality, models) is not None:
            continue
        if not spec.vouched and (why := label_suspicion(values, quality)) is not None:
            yield (
                f"signal {said!r} looks like a label with noise: {why}. If it is known only after"
                " grading, every figure here is too good; leave it out, or vouch for it:"
                f" {_vouching(said, spec)}"
            )
        if is_reversed(values, quality):
            other = said[len(REVERSED) :] if said.startswith(REVERSED) else f"{REVERSED}{said}"
            yield (
                f"signal {said!r} is reversed: it ranks wrong answers above right ones; more must"
                f" mean surer, so ask for it as `signals=[{other!r}]`"
            )


def telling_columns(log: Log, models: Sequence[str]) -> Iterator[str]:
    """Columns of requests that policies may read and that look like labels, in sentences."""
    quality = judged_quality(log)[:, [log.column(name) for name in models]]
    for name in ("task", "tenant", "priority"):
        column = getattr(log.requests, name)
        if column is not None and (model := told_by(column, quality, models)) is not None:
            yield (
                f"column {name!r} tells right from wrong answers of {foreign(model)} without a"
                " fault, as a label would: if it was written after grading, every figure here is"
                " too good; leave it out of the file"
            )


def unasked(log: Log) -> Iterator[str]:
    """What may be asked for where a study has no signal, as a sentence.

    Args:
        log: whose columns of numbers nobody named.
    """
    return proposed([it.signal for it in signal_proposals(log, named=True) if it.likely])


def proposed(names: Sequence[str]) -> Iterator[str]:
    """Signals that may be asked for, as a sentence; nothing where there are none.

    Args:
        names: of signals, likely by the names of their columns.
    """
    if found := [foreign(name) for name in names]:
        known, them = ("its name", "it") if len(found) == 1 else ("their names", "them")
        yield (
            f"no signal was asked for; proposed by {known}: {', '.join(found)}. For policies that"
            f" may read {them}, add `signals={found!r}`"
        )


def _values(
    log: Log, names: Iterable[str], models: Sequence[str]
) -> tuple[list[tuple[str, SignalSpec, Floats]], Floats]:
    """Name, spec and (n, m) confidence of signals, and (n, m) judged quality."""
    columns = [log.column(name) for name in models]
    found = [(name, log.spec(name), log.signals[name][:, columns]) for name in names]
    return found, judged_quality(log)[:, columns]


def _vouching(name: str, spec: SignalSpec) -> str:
    times = "" if spec.multiplier is None else f"multiplier={spec.multiplier:g}, "
    return f"`signals={{{name!r}: SignalSpec({times}knowable=True)}}`"
