"""Which confidence signals a study may read, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from routelab.core import Floats, SignalSpec
from routelab.core.messages import foreign
from routelab.errors import LogError
from routelab.logs.model import Log
from routelab.metrics import is_reversed, judged_quality, label_suspicion, why_refused
from routelab.signals import REVERSED, proposals


def refuse(log: Log, names: Iterable[str], models: Sequence[str]) -> None:
    """Refuse signals that are labels, counts or ids, unless somebody vouches for them.

    Args:
        log: with the signals.
        names: of signals; those whose spec is `knowable` are taken as they are.
        models: candidates.
    Raises:
        LogError: all of them, with the reasons.
    """
    columns = [log.column(name) for name in models]
    found = [(name, log.spec(name), log.signals[name][:, columns]) for name in names]
    refuse_values(log.name, found, judged_quality(log)[:, columns], models)


def refuse_values(
    where: str,
    signals: Iterable[tuple[str, SignalSpec, Floats]],
    quality: Floats,
    models: Sequence[str],
) -> None:
    """`refuse` for values of any log.

    Args:
        where: name of the log.
        signals: name, spec and (n, m) confidence of each.
        quality: (n, m) NaN where a call failed.
        models: (m,) candidates.
    Raises:
        LogError: all of them, with the reasons.
    """
    reasons = [
        (foreign(name), spec, why_refused(name, spec, values, quality, models))
        for name, spec, values in signals
    ]
    misfits = [
        f"{where}: signal {name!r} is refused: {why}. What is not known before the answer is"
        " delivered cannot decide in production. If it is known then, say so:"
        f" {_vouching(name, spec)}"
        for name, spec, why in reasons
        if why is not None
    ]
    if misfits:
        raise LogError(*misfits)


def doubtful(log: Log, names: Iterable[str], models: Sequence[str]) -> Iterator[str]:
    """Signals that may be labels with noise, or that rank the wrong way round, in sentences."""
    columns = [log.column(name) for name in models]
    quality = judged_quality(log)[:, columns]
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


def _vouching(name: str, spec: SignalSpec) -> str:
    times = "" if spec.multiplier is None else f"multiplier={spec.multiplier:g}, "
    return f"`signals={{{name!r}: SignalSpec({times}knowable=True)}}`"
