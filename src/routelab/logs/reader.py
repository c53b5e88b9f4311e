"""Read a log, whatever its format and form."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue, Model
from routelab.errors import LogError
from routelab.logs import price_lists
from routelab.logs.columns import (
    NEEDED,
    Frame,
    LogRows,
    assemble,
    check_conversations,
    checked_rows,
    long_frame,
    matching,
    names,
    notes,
    parquet_metadata,
    prices,
    scale_of,
    sidecar,
    wide_frame,
    wide_models,
)
from routelab.logs.decisions import is_journal, open_decisions
from routelab.logs.formats import (
    RowSource,
    WithoutColumns,
    open_csv,
    open_folder,
    open_json,
    open_parquet,
    refusing,
)
from routelab.logs.model import Log, PartialLog, Problems, is_folder

FORMATS: Mapping[str, Callable[[Path], RowSource]] = {
    ".parquet": open_parquet,
    ".csv": open_csv,
    ".tsv": open_csv,
    ".json": open_json,
    ".jsonl": open_json,
    ".ndjson": open_json,
}


_NO_TEXT: Mapping[bytes, str] = {
    b"\xff\xfe": "is UTF-16; save it as UTF-8",
    b"\xfe\xff": "is UTF-16; save it as UTF-8",
    b"\x1f\x8b": "is compressed by gzip; unpack it first",
    b"PK\x03\x04": "is a zip archive, or a spreadsheet; unpack it, or save the sheet as CSV",
}
"""First bytes of files that are no text, although their name says so."""


# Long: its arguments need many words; the work is one stage after another.
def read(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    prices: str | Path | None = None,
    signals: Mapping[str, SignalSpec] | Sequence[str] | None = None,
    feedback: str | Path | None = None,
    catalogue: Catalogue | None = None,
    quality_scale: str | tuple[float, float] | None = None,
    models: Sequence[str] = (),
    ignore: Sequence[str] = (),
    graded: bool = True,
) -> Log | PartialLog:
    """A log from CSV, JSON, JSON Lines or Parquet, with a row per request and model or per request.

    A decision log, a folder or one of its files, has a row per call: a partial log, unless every
    model was asked on every request. A file with a `step` or `propensity` column is a partial
    log too. A column is a confidence signal where `signals` or the sidecar says so; other
    numbers are kept in `unasked`. Requests are prompts, or `messages` in the OpenAI form, as JSON
    or nested columns; rows of one `session_id` are a conversation. Texts stay in a Parquet file
    until they are asked for.

    >>> import routelab
    >>> log = routelab.read("datasets/sample.parquet")
    >>> log.models
    ('small-8b', 'medium-70b', 'code-expert', 'large', 'frontier')
    >>> log.quality.shape, sorted(log.signals)
    ((4000, 5), ['confidence', 'verbosity'])
    >>> f"{log.quality[:, log.column('frontier')].mean():.3f}"
    '0.953'

    Args:
        path: of the file, of a folder of Parquet files, or a pattern such as `logs/*.parquet`;
            `NAME.log.toml` beside it may say more (see `Sidecar`).
        columns: our column name to the file's, or to "" for a column that is not to be read;
            wins over the sidecar.
        prices: path of a price list (see `routelab.logs.price_lists.read`); a model that has
            tokens, no cost and no price in it is refused.
        signals: columns that are confidence signals, higher meaning surer, and what each costs;
            or their names alone. Each must have a value on some row. `reversed:NAME` is the column
            with the opposite sign.
        feedback: path of JSON Lines with `request_id`, `quality` and perhaps `model`, for a
            decision log.
        catalogue: prices that fill in costs after those of `prices`, and before those of the
            log's own catalogue; the log keeps its own.
        quality_scale: worst and best quality, such as "1:5"; None for 0 and 1.
        models: columns that hold grades of the models they are named after, where a row is a
            request; of no use where the file has a column of models.
        ignore: columns of the file that are not to be read.
        graded: refuse a log without quality, without models or without ids. Otherwise it is read
            as far as it goes, to look at, and its notes say what to do next.
    Raises:
        LogError: everything that is wrong with the file, a few examples of each kind.
    """
    path = Path(path)
    path = path if path.name else path.resolve()  # a folder may be named "."
    with refusing(path):
        return _read(
            path,
            columns=columns,
            prices=prices,
            signals=signals,
            feedback=feedback,
            catalogue=catalogue,
            quality_scale=quality_scale,
            models=models,
            ignore=ignore,
            graded=graded,
        )


# Long: the work is one stage after another, and the arguments are those of `read`.
def _read(
    path: Path,
    *,
    columns: Mapping[str, str] | None,
    prices: str | Path | None,
    signals: Mapping[str, SignalSpec] | Sequence[str] | None,
    feedback: str | Path | None,
    catalogue: Catalogue | None,
    quality_scale: str | tuple[float, float] | None,
    models: Sequence[str],
    ignore: Sequence[str],
    graded: bool,
) -> Log | PartialLog:
    """A log, one stage after another."""
    source = open_source(path, None if feedback is None else Path(feedback))
    beside = sidecar.read(path)
    inside = parquet_metadata.read(source.extras())
    asked = signal_specs(signals)
    specs = {**inside.signals, **beside.signals, **asked}
    problems = Problems(path.name)
    sidecar.check(specs, problems)
    source = without(source, [*beside.ignore, *ignore], problems)
    named = {**beside.columns, **(columns or {})}
    found = names.resolve(source.names, named, problems)
    found, counts = names.without_counts(found, source, named)
    scale = scale_of(beside.quality_scale if quality_scale is None else quality_scale)
    sheet = () if "model" in found else wide_models(source.names, (*beside.models, *models))
    needed = NEEDED if graded else ()
    frame = (
        wide_frame(source, found, specs, problems, sheet, scale, needed)
        if sheet
        else replace(long_frame(source, found, specs, problems, needed), scale=scale)
    )
    rows = checked_rows(frame, problems)
    torn = matching.same_prompts(frame, rows.request, rows.first, problems)
    said = check_conversations(source, frame, rows, problems)
    own = sidecar.read_catalogue(path, beside) or inside.catalogue
    rows, priced = _priced(rows, prices, catalogue, own, beside.catalogue, problems)
    rows, dropped = _observed_signals(rows, asked, problems)
    log = _log(source, frame, rows, specs, problems)
    return replace(
        log,
        path=path,
        catalogue=own,
        notes=(
            *rows.notes,
            *source.notes,
            *torn,
            *priced,
            *dropped,
            *notes.ignored(frame.ignored),
            *notes.slow(rows, found),
            *counts,
            *notes.sessions(found),
            *said,
            *notes.uncosted(log),
            *(
                ()
                if graded or is_journal(path)
                else notes.ungraded(log, frame.columns, source.names)
            ),
        ),
    )


def _log(
    source: RowSource,
    frame: Frame,
    rows: LogRows,
    specs: Mapping[str, SignalSpec],
    problems: Problems,
) -> Log | PartialLog:
    """Rows as a log that knows its texts and what signals cost, further answers likewise.

    Raises:
        LogError: all that was found wrong with the file.
    """
    whole = assemble.partial if {"step", "propensity"} & set(frame.columns) else assemble.complete
    log = whole(rows, problems)
    if isinstance(log, Log):
        again = enumerate(log.again, 1)
        kept = (replace(it, texts=assemble.texts(source, frame, rows, at)) for at, it in again)
        log = replace(log, again=tuple(kept)).with_specs(specs)
    return replace(log, specs=specs, texts=assemble.texts(source, frame, rows))


def signal_specs(
    given: Mapping[str, SignalSpec] | Sequence[str] | None,
) -> dict[str, SignalSpec]:
    """Signals as somebody names them, by name with what is known of their cost.

    Raises:
        LogError: it is one text, and no list of names.
    """
    if isinstance(given, str):
        raise LogError(f"`signals` is one text, {given!r:.80}; give a list of names: [{given!r}]")
    if isinstance(given, Mapping):
        return dict(given)
    return {name: SignalSpec() for name in given or ()}


def without(source: RowSource, ignore: Sequence[str], problems: Problems) -> RowSource:
    """The file without columns that nobody wants: of a wide form, `confidence` is that of every
    model.
    """
    there = source.names
    gone = {name for name in there if name in ignore or name.rpartition("|")[2] in ignore}
    for name in ignore:
        if not any(name in (it, it.rpartition("|")[2]) for it in there):
            problems.add(
                f"no column {name!r} to ignore; the columns are {names.listed_names(there)}"
            )
    return WithoutColumns(source, frozenset(gone)) if gone else source


def open_source(path: Path, feedback: Path | None = None) -> RowSource:
    """The rows of a file, nothing read yet.

    Raises:
        LogError: there is no such file, or it is of no known format.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # it may be a pattern
        pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LogError(f"{path.name[:80]!r}: cannot be read: {why}") from error
    else:
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe would be waited for
            raise LogError(f"{path.name}: is no file that can be read twice; save it as one first")
    if is_journal(path):
        return open_decisions(path, feedback)
    if feedback is not None:
        raise LogError(f"{path.name}: is no decision log, so that feedback cannot be joined to it")
    if is_folder(path):
        return open_folder(path)
    if not path.exists():
        raise LogError(f"{path}: no such file")
    opener = FORMATS.get(path.suffix.lower())
    if opener is None:
        raise LogError(
            f"{path.name}: {path.suffix or 'no suffix'} is no known format; a log is one of"
            f" {', '.join(FORMATS)}"
        )
    if path.stat().st_size == 0:
        raise LogError(f"{path.name}: the file is empty")
    try:
        _check_text(path)
        return opener(path)
    except OSError as error:
        raise LogError(f"{path.name}: cannot be read: {error.strerror or error}") from error


def _check_text(path: Path) -> None:
    """Refuse what is no text by its first bytes.

    Raises:
        LogError: it is not.
    """
    with path.open("rb") as file:
        begin = file.read(4)
    for mark, what in _NO_TEXT.items():
        if begin.startswith(mark):
            raise LogError(f"{path.name}: {what}")
    if begin == b"PAR1" and path.suffix.lower() != ".parquet":
        raise LogError(f"{path.name}: is a Parquet file; name it {path.stem}.parquet")


def _priced(
    rows: LogRows,
    file: str | Path | None,
    given: Catalogue | None,
    own: Catalogue | None,
    own_name: str | None,
    problems: Problems,
) -> tuple[LogRows, tuple[str, ...]]:
    """Costs where none is logged, from the first prices that give them."""
    beside = Path(own_name).name if own_name else "the catalogue in the log"
    asked = None if file is None else price_lists.read(file)
    lists: list[tuple[price_lists.PriceList | Mapping[str, Model], str]] = [
        *([] if asked is None else [(asked, asked.source)]),
        *([] if given is None else [(given.models, "the catalogue")]),
        *([] if own is None else [(own.models, beside)]),
    ]
    remarks: tuple[str, ...] = ()
    for listed, name in lists:
        rows, more = prices.fill(rows, listed, name, problems)
        remarks += more
    for problem in () if asked is None else prices.unpriced(rows, asked):
        problems.add(problem)
    for listed, name in lists:
        for problem in prices.too_early(rows, listed, name):
            problems.add(problem)
    return prices.free_failures(rows), remarks


def _observed_signals(
    rows: LogRows, asked: Mapping[str, SignalSpec], problems: Problems
) -> tuple[LogRows, tuple[str, ...]]:
    silent = [name for name, values in rows.signals.items() if np.isnan(values).all()]
    for name in silent:
        if name in asked and not problems:
            problems.add(
                f"signal {name!r} has no value on any row but of calls that failed, by the column"
                " 'error'; if that tells of no failure, leave the column out: `ignore=['error']`"
                if rows.error.all()
                else f"signal {name!r} has no value on any row; leave it out"
            )
    kept = {name: values for name, values in rows.signals.items() if name not in silent}
    unasked = {name: it for name, it in rows.unasked.items() if not np.isnan(it).all()}
    notes = tuple(f"signal {name} has no value on any row and is left out" for name in silent)
    return replace(rows, signals=kept, unasked=unasked), notes
