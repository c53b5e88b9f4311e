"""A published layout to a log file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from routelab.errors import LogError
from routelab.logs import price_lists
from routelab.logs.columns import assemble, checked_rows, names, prices, wide_frame, wide_models
from routelab.logs.formats import refusing
from routelab.logs.importers.calls import check_out
from routelab.logs.importers.importer import ImportedRows, Importer
from routelab.logs.model import Log, Problems
from routelab.logs.write import write

_T = TypeVar("_T")


def convert(importer: Importer, path: Path, out: Path, price_list: Path | None = None) -> Log:
    """Write the log that a published layout holds; a file at `out` is replaced atomically.

    Args:
        importer: of that layout.
        path: what it reads.
        out: ends in .parquet.
        price_list: of any form (see `routelab.logs.price_lists.read`); fills in the costs
            that were not recorded, from tokens that are estimated where those were not either.
    Returns:
        The log as written, and in its notes what was left out.
    Raises:
        LogError: everything that is wrong, with the layout, the prices and `out`; then
            nothing is written.
    """
    problems: list[str] = []
    with refusing(path):
        _tried(problems, lambda: check_out(path, out))
        listed = _tried(problems, lambda: price_lists.read(price_list) if price_list else None)
        found = _tried(problems, lambda: importer.read(_there(path), price_list is not None))
        if problems or found is None:
            raise LogError(*problems)
        log = _log(found, listed)
    try:
        write(log, out)
    except OSError as error:
        raise LogError(f"{out}: cannot be written: {error.strerror or error}") from error
    return replace(log, path=out)


def _tried(problems: list[str], step: Callable[[], _T]) -> _T | None:
    try:
        return step()
    except LogError as error:
        problems += error.problems
        return None


def _there(path: Path) -> Path:
    if not path.exists():
        raise LogError(f"{path}: no such file or directory")
    return path


def _log(found: ImportedRows, listed: price_lists.PriceList | None) -> Log:
    problems = Problems(found.source.path.name)
    ours = names.resolve(found.source.names, {}, problems)
    frame = wide_frame(found.source, ours, {}, problems, wide_models(found.source.names))
    rows, notes = checked_rows(frame, problems), found.notes
    if listed is not None:
        rows, derived = prices.fill(rows, listed, listed.source, problems)
        notes += derived
    log = assemble.complete(rows, problems)
    texts = assemble.texts(found.source, frame, rows)
    return replace(log, texts=texts, notes=(*notes, *_without_cost(log)))


def _without_cost(log: Log) -> tuple[str, ...]:
    without = [model for model in log.models if model not in log.costed]
    if not without:
        return ()
    return (
        f"no cost of {', '.join(without)}: none was recorded; name a list with their prices,"
        " `prices='FILE.csv'`, or a study leaves them out",
    )
