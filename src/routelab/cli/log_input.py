"""A log, read as the options of a command describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from routelab.cli.arguments import names_in, pairs
from routelab.cli.console import tell
from routelab.cli.options import LogOptions
from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.logs import Log, PartialLog, read
from routelab.logs.model import is_folder
from routelab.policy_file import PolicyFile

AS_IT_IS = LogOptions()
"""A log whose columns have our names and whose costs are known."""


def name_of(log: Path) -> str:
    """What to call the policy of a log: the name of its file, or of its folder."""
    path = log.parent if is_folder(log) and not log.is_dir() else log
    return path.resolve().stem


def read_any(
    path: Path,
    how: LogOptions = AS_IT_IS,
    signals: Mapping[str, SignalSpec] | None = None,
    known: Catalogue | None = None,
    feedback: Path | None = None,
    models: Sequence[str] = (),
    *,
    graded: bool = True,
) -> Log | PartialLog:
    """A log as the options describe it.

    Args:
        known: prices that fill in costs where the options leave them open.
        models: that columns of grades may be named after.
        graded: refuse a log without quality; otherwise its notes say what it lacks.
    """
    return read(
        path,
        quality_scale=how.quality_scale,
        ignore=ignored(how),
        models=models,
        columns=column_pairs(how),
        prices=how.prices,
        signals=signals,
        catalogue=known,
        feedback=feedback,
        graded=graded,
    )


def read_log(
    path: Path,
    how: LogOptions = AS_IT_IS,
    signals: Mapping[str, SignalSpec] | None = None,
    known: Catalogue | None = None,
    models: Sequence[str] = (),
) -> Log:
    """A complete log; its notes are told on standard error.

    Args:
        known: prices that fill in costs where the options leave them open.
        models: that columns of grades may be named after.
    Raises:
        LogError: it cannot be read, or is partial.
    """
    log = read_tunable(path, how, signals, known, models)
    if isinstance(log, PartialLog):
        raise _partial(log)
    return log


def read_tunable(
    path: Path,
    how: LogOptions = AS_IT_IS,
    signals: Mapping[str, SignalSpec] | None = None,
    known: Catalogue | None = None,
    models: Sequence[str] = (),
) -> Log | PartialLog:
    """A log, complete or partial; its notes are told on standard error.

    Args:
        known: prices that fill in costs where the options leave them open.
        models: that columns of grades may be named after.
    """
    log = read_any(path, how, signals, known, models=models)
    for note in log.notes:
        tell(f"note: {note}")
    return log


def titled(log: Log) -> str:
    """The log's name for the head of a table, which says where figures are estimates."""
    return log.name if log.seen is None else f"{log.name} (partial: doubly robust estimates)"


def read_log_for(
    policies: Sequence[PolicyFile],
    path: Path,
    how: LogOptions,
    known: Catalogue | None = None,
    *,
    scored: bool = False,
) -> Log:
    """The log as these policies need it.

    Args:
        scored: a partial log will do, by doubly robust scores.
    Raises:
        LogError: as `read_log`; or the log lacks models or signals of a policy, all of them named;
            or of a partial log, a policy looks at answers, or a candidate has no support.
    """
    wanted = {name: spec for it in policies for name, spec in it.document.signals.items()}
    models = [name for it in policies for name in it.document.candidates]
    try:
        log = read_tunable(path, how, wanted, known, models)
    except LogError as error:
        bare = read_any(path, how, None, known)  # what is wrong in itself says so
        if not (isinstance(bare, Log) and (lacking := list(_lacking(policies, bare)))):
            raise
        raise LogError(*lacking) from error
    if isinstance(log, PartialLog) and not scored:
        raise _partial(log)
    if lacking := list(_lacking(policies, log)):
        raise LogError(*lacking)
    return _scored(policies, log) if isinstance(log, PartialLog) else log


def _scored(policies: Sequence[PolicyFile], log: PartialLog) -> Log:
    """A partial log by the scores of the policies' candidates."""
    looking = [it.name for it in policies if it.policy.signals_used or it.policy.gates_used]
    if looking:
        raise LogError(
            f"{log.name}: is a partial log, and {', '.join(looking)} decides by answers, of which"
            " it has one model's: `routelab value` values such policies along the calls that were"
            " made"
        )
    from routelab.tuning.scores import scored_log  # scikit-learn

    tell(
        "note: the log is partial: figures are doubly robust estimates from the models that"
        " answered, by their propensities, and hold as far as those are right"
    )
    models = tuple(dict.fromkeys(name for it in policies for name in it.document.candidates))
    return scored_log(log, models, seed=policies[0].document.seed, notify=tell).log


def _partial(log: PartialLog) -> LogError:
    return LogError(
        f"{log.name}: is a partial log (it has steps or propensities); replaying only what"
        " was logged would be biased, so no figure is given: use a log in which every"
        " candidate model answered, or its audited rows; `routelab value`, `tune`, `replay` and"
        " `diff` estimate what policies are worth on this one"
    )


def _lacking(policies: Sequence[PolicyFile], log: Log | PartialLog) -> Iterator[str]:
    """What each policy needs that the log lacks."""
    for it in policies:
        models = [name for name in it.document.candidates if name not in log.models]
        signals = [name for name in it.document.signals if name not in log.signals]
        lacks = [
            f"{what} {', '.join(names)} (it has {', '.join(there) or 'none'})"
            for what, names, there in (
                ("no outcome of", models, log.models),
                ("no values of signal", signals, (*log.signals, *log.unasked)),
            )
            if names
        ]
        if lacks:
            yield f"{log.name}: policy {it.name!r} needs what the log lacks: {'; '.join(lacks)}"


def reading(how: LogOptions, catalogue: Path | None) -> dict[str, Any]:
    """What these options say of how to read a log: names and digests of files, no places."""
    files = {"prices": how.prices, "catalogue": catalogue}
    sources = {
        option: {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}
        for option, path in files.items()
        if path is not None
    }
    said = {
        "columns": column_pairs(how) if how.column else None,
        "quality_scale": how.quality_scale,
        "ignore": list(ignored(how)) or None,
    }
    return {**{name: it for name, it in said.items() if it is not None}, **sources}


def ignored(how: LogOptions) -> tuple[str, ...]:
    """Columns that are not to be read.

    Raises:
        RoutelabError: a text is no list of names.
    """
    return tuple(name for text in how.ignore or () for name in names_in("--ignore", text))


def column_pairs(how: LogOptions) -> dict[str, str]:
    """Our names of columns to the file's.

    Raises:
        RoutelabError: one is not written as OURS=THEIRS.
    """
    return pairs("--column", how.column or (), "quality=score", "OURS=THEIRS")
