"""A log of any size, read a batch of requests at a time and without its texts.

A table with a row per request and plain numbers is turned into arrays as it is read. Anything
else (a row per request and model, text for numbers, prices to fill in) takes the way of
`routelab.logs.read`, one file at a time, so that both ways mean the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from routelab.core import Bools, SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.logs.batch_layout import BatchLayout, layout, log_of
from routelab.logs.columns import names, notes, parquet_metadata, scale_of, sidecar, wide
from routelab.logs.formats import FolderSource, arrow, open_folder, open_parquet, readable
from routelab.logs.model import Log, Problems, digest, is_folder
from routelab.logs.reader import read, signal_specs, without
from routelab.signals import column_of

BATCH = 1 << 16
"""Requests held at once, where a row is a request."""


@dataclass(frozen=True)
class LogBatches:
    """Where a log is, and how to read it; small enough to send to other machines.

    Attributes:
        path: of the file, the folder, or the pattern.
        files: its partitions with rows, in order.
        models: in order of appearance; empty where only a scan of the rows tells them.
        wide: how a row per request is read; None where each file is read as a whole.
        columns, prices: as given to `routelab.logs.read`.
        how: more that was given to it, by name.
        specs: what signals cost.
        has: columns of requests that the log has, by our name.
        catalogue: of prices and capabilities, named beside the log or held in it.
        notes: what reading the log leaves out, in sentences.
        signals: confidence signals by name.
        unasked: other columns, which may be signals that nobody asked for.
    """

    path: Path
    files: tuple[Path, ...]
    models: tuple[str, ...]
    wide: BatchLayout | None
    columns: Mapping[str, str]
    prices: Path | None
    specs: Mapping[str, SignalSpec]
    has: frozenset[str]
    catalogue: Catalogue | None = None
    notes: tuple[str, ...] = ()
    signals: tuple[str, ...] = field(default=())
    unasked: tuple[str, ...] = ()
    how: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name or self.path.resolve().name

    @cached_property
    def n_rows(self) -> int:
        """Rows of all files."""
        return sum(pq.read_metadata(path).num_rows for path in self.files)

    def logs(
        self, file: int, wanted: Bools | None = None, *, also: Collection[str] = ()
    ) -> Iterator[tuple[int, Log]]:
        """Batches of one partition, each with the number of its first request in the file.

        Args:
            file: number of the partition in `files`.
            wanted: (n,) requests that will be used; batches without any may be left out.
            also: columns of requests to read, by our name; without `request_id` ids are None.
        """
        path = self.files[file]
        if self.wide is not None:
            with readable(path):
                yield from self._batches(path, self.wide, wanted, also)
        else:
            yield 0, self._whole(path)

    def sha256(self, file: int) -> str:
        """Of one partition's bytes."""
        return digest.of_file(self.files[file])

    def times(self, file: int) -> Any:
        """(n,) Unix seconds of one partition's requests; None where the log has none."""
        if self.wide is None or "timestamp" not in self.wide.requests:
            return self._whole(self.files[file]).requests.timestamp_s if self.wide is None else None
        with readable(self.files[file]):
            table = pq.read_table(self.files[file], columns=[self.wide.requests["timestamp"]])
        values, bad = arrow.seconds(table.column(0), self.wide.ticks)
        if bad.any() or (np.abs(values) > 1e11).any():
            self._complain(self.files[file])
        return values

    def _batches(
        self, path: Path, how: BatchLayout, wanted: Bools | None, also: Collection[str]
    ) -> Iterator[tuple[int, Log]]:
        with pq.ParquetFile(path) as file:
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
            start = 0
            for group, size in enumerate(sizes):
                if wanted is None or wanted[start : start + size].any():
                    at = start
                    for batch in file.iter_batches(
                        BATCH, row_groups=[group], columns=how.read(also), use_threads=False
                    ):
                        log = self._log_of(batch, how)
                        if log is None:
                            self._complain(path)
                        else:
                            yield at, log
                        at += len(batch)
                start += size

    def _log_of(self, batch: Any, how: BatchLayout) -> Log | None:
        try:
            return log_of(batch, how, self.models, self.specs, self.path)
        except LogError:  # without the place, which reading the whole file tells
            return None

    def _complain(self, path: Path) -> None:
        """Read the file the slow way, which names every value that cannot be."""
        self._whole(path)
        raise LogError(f"{path.name}: cannot be read in batches; read it as one log")

    def _whole(self, path: Path) -> Log:
        """One partition as a log of its own, with every model and signal of the whole."""
        asked = self._asked(path)
        log = read(path, columns=self.columns, prices=self.prices, signals=asked, **self.how)
        if not isinstance(log, Log):
            raise LogError(
                f"{path.name}: is part of a partial log (it has steps or propensities), which"
                " cannot be replayed"
            )
        return _aligned(log, self)

    def _asked(self, path: Path) -> Mapping[str, SignalSpec]:
        """Specs of signals that this file has columns for: another file may have the others."""
        there = open_parquet(path).names
        found = {name.rpartition("|")[2] for name in there} | set(there)
        return {name: spec for name, spec in self.specs.items() if {name, column_of(name)} & found}


def open_batches(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    prices: Path | None = None,
    signals: Mapping[str, SignalSpec] | Sequence[str] | None = None,
    quality_scale: str | tuple[float, float] | None = None,
    models: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> LogBatches:
    """A log in one Parquet file, in a folder of them, or in those that a pattern matches.

    Only schemas are read.

    Args:
        path: of the file or the folder, or the pattern.
        columns: our column name to the files'.
        prices: path of a price list (see `routelab.logs.price_lists.read`).
        signals: columns that are confidence signals, as for `routelab.logs.read`.
        quality_scale, models, ignore: as of `routelab.logs.read`.
    Raises:
        LogError: files that cannot be read or differ in their columns, all of them by name.
    """
    whole = open_folder(path) if is_folder(path) else FolderSource(path, (_single(path),))
    beside, inside = sidecar.read(path), parquet_metadata.read(whole.extras())
    specs = {**inside.signals, **beside.signals, **signal_specs(signals)}
    given = {**beside.columns, **(columns or {})}
    scale = scale_of(beside.quality_scale if quality_scale is None else quality_scale)
    graded, gone = (*beside.models, *models), [*beside.ignore, *ignore]
    problems = Problems(path.name)
    sidecar.check(specs, problems)
    source = without(whole, gone, problems)
    found = names.resolve(source.names, given, problems)
    problems.stop()
    found, counts = names.without_counts(found, source, given)
    in_rows = () if "model" in found else wide.wide_models(source.names, graded)
    plain = bool(in_rows) and scale is None and prices is None
    made = LogBatches(
        path=path,
        files=tuple(part.path for part in whole.parts),
        models=in_rows,
        wide=layout(source, whole.types, found, specs, in_rows) if plain else None,
        columns=given,
        prices=prices,
        specs=specs,
        has=frozenset(found.of) | ({"prompt"} if "messages" in found else frozenset()),
        catalogue=sidecar.read_catalogue(path, beside) or inside.catalogue,
        notes=(*whole.notes, *counts, *notes.sessions(found)),
        unasked=_unasked(source.names, found, specs, in_rows),
        how={"quality_scale": scale, "models": graded, "ignore": gone},
    )
    return made if made.wide is None else replace(made, signals=made.wide.signal_names)


def _unasked(
    there: Sequence[str],
    found: names.ColumnNames,
    specs: Mapping[str, SignalSpec],
    models: Sequence[str],
) -> tuple[str, ...]:
    """Columns that mean nothing yet: of each model, where a row is a request."""
    asked = {column_of(name) for name in specs} | set(found.of.values())
    parts = (name.rpartition("|") for name in there)
    free = (what for model, _, what in parts if model in models) if models else iter(there)
    return tuple(dict.fromkeys(name for name in free if names.is_free(name) and name not in asked))


def _single(path: Path) -> Any:
    if not path.exists():
        raise LogError(f"{path}: no such file")
    if path.suffix.lower() != ".parquet":
        raise LogError(
            f"{path.name}: only Parquet is read in batches; convert it, or read it into memory,"
            " without `workers`"
        )
    return open_parquet(path)


def _aligned(log: Log, whole: LogBatches) -> Log:
    """The log with the models and signals of the whole; NaN where it has none of them."""
    if not whole.models:
        return log
    at = [log.models.index(name) if name in log.models else -1 for name in whole.models]
    n, m = len(log), len(whole.models)

    def spread(values: Any, empty: Any) -> Any:
        found = np.full((n, m), empty, order="F")
        for column, source in enumerate(at):
            if source >= 0 and values is not None:
                found[:, column] = values[:, source]
        return found

    names_of_signals = whole.signals or tuple(log.signals)
    return replace(
        log,
        models=whole.models,
        quality=spread(log.quality, np.nan),
        cost_usd=spread(log.cost_usd, np.nan),
        latency_s=spread(log.latency_s, np.nan),
        prompt_tokens=spread(log.prompt_tokens, np.nan),
        completion_tokens=spread(log.completion_tokens, np.nan),
        error=spread(log.error, False),
        signals={name: spread(log.signals.get(name), np.nan) for name in names_of_signals},
        extra_usd={name: spread(values, np.nan) for name, values in log.extra_usd.items()},
        token_parts={name: spread(values, np.nan) for name, values in log.token_parts.items()},
        specs=whole.specs,
    )
