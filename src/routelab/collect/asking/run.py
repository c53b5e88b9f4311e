"""Collect from a file of prompts to a log, or say beforehand what that will take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from routelab.collect.asking.arms import asked_catalogue, unpriced
from routelab.collect.asking.collector import Collector
from routelab.collect.asking.options import CollectOptions
from routelab.collect.asking.plan import CollectionPlan, plan, too_long
from routelab.collect.asking.session import (
    check_out,
    check_same,
    finish,
    manifest_of,
    open_collection,
)
from routelab.collect.asking.standing import CollectionStanding
from routelab.collect.prompts import prepare
from routelab.collect.storage import MANIFEST, REQUESTS, Collection, RequestFile
from routelab.core.catalogue import Catalogue, catalogue_file
from routelab.errors import CollectError, MissingExtraError, RouteError
from routelab.runtime import Upstream
from routelab.runtime.transport import HttpUpstream, Transport


class CollectResult(NamedTuple):
    """What a run came to.

    Attributes:
        standing: how far the collection is.
        log: that was written; None where no cell is over.
        notes: what is odd about the prompts or an earlier run, in sentences.
    """

    standing: CollectionStanding
    log: Path | None
    notes: tuple[str, ...]


async def collect(
    source: str | Path,
    out: str | Path,
    catalogue: Catalogue | str | Path,
    options: CollectOptions,
    *,
    columns: Mapping[str, str] | None = None,
    transport: Transport | None = None,
    upstream: Upstream | None = None,
    begun: Callable[[Collector, tuple[str, ...]], None] = lambda *_: None,
    progress: Callable[[CollectionStanding], None] = lambda _: None,
) -> CollectResult:
    """Ask models about requests, and keep every answer; the same call goes on after a stop.

    Every answer is on the disk before it counts. What a kill leaves under way is told as unknown,
    stays reserved, and is asked again.

    Args:
        source: a file of prompts (.csv, .jsonl, .json, .parquet), a log, or a decision log.
        out: the folder to collect into; its name ends in `.collection`.
        catalogue: of the models, or the `models.toml` that holds it.
        options: how.
        columns: our column name to the file's.
        transport: "httpx" or "aiohttp" (half the processor time; of the `serve` extra); by default
            aiohttp where it is installed and can use the proxies there are.
        upstream: replaces HTTP altogether.
        begun: given the collector, which can be stopped, and the notes, before anything is asked.
        progress: told how far it is, about once a second.
    Raises:
        CollectError: it cannot begin or go on; everything that is wrong, before anything is asked.
        CatalogueError: the catalogue cannot be read.
        LogError: the prompts cannot be read.
    """
    out = Path(out)
    asked = checked_catalogue(catalogue, options)
    with open_collection(Path(source), out, asked, options, columns) as opened:
        notes = (*opened.notes, *_too_long(opened.writer.collection.requests, asked))
        http = _http(transport) if upstream is None else None
        sender = upstream or http
        assert sender is not None  # one of the two is
        try:
            collector = Collector(opened.writer, asked, options, sender, progress=progress)
            begun(collector, notes)
            standing = await collector.run()
        finally:
            if http is not None:
                await http.aclose()
        log = finish(opened, packed=not standing.left and options.requests is None)
    return CollectResult(standing, log, notes)


def _too_long(requests: RequestFile, catalogue: Catalogue) -> Iterator[str]:
    for name, n in too_long(requests, catalogue).items():
        yield (
            f"{n:,} requests are longer than the context window of {name!r}, and are not asked of"
            " it"
        )


def _http(transport: Transport | None) -> HttpUpstream:
    if transport is None:
        try:
            return HttpUpstream(transport="aiohttp")
        except (MissingExtraError, RouteError):
            return HttpUpstream()
    return HttpUpstream(transport=transport)


def checked_catalogue(catalogue: Catalogue | str | Path, options: CollectOptions) -> Catalogue:
    """The models to ask.

    Args:
        catalogue: of the models, or its file.
        options: that name models, and how much may be spent.
    Raises:
        CollectError: a model is not listed, cannot be called, or has no price to keep to.
        CatalogueError: the catalogue cannot be read.
    """
    asked = _asked(catalogue, options)
    if options.max_usd != float("inf") and (problems := list(unpriced(asked))):
        raise CollectError(*problems)
    return asked


def _asked(catalogue: Catalogue | str | Path, options: CollectOptions) -> Catalogue:
    if not isinstance(catalogue, Catalogue):
        catalogue = catalogue_file.read(catalogue)
    return asked_catalogue(catalogue, options.models)


def plan_collection(
    source: str | Path,
    out: str | Path | None,
    catalogue: Catalogue | str | Path,
    options: CollectOptions,
    *,
    columns: Mapping[str, str] | None = None,
) -> tuple[CollectionPlan, tuple[str, ...]]:
    """What a collection will take, or what is left of one that is there; nothing is written.

    Args:
        source: a file of prompts, or a log.
        out: the folder; None for one that is not there yet.
        catalogue: of the models, or its file.
        options: how.
        columns: our column name to the file's.
    Returns:
        The plan, and what is odd about the prompts, in sentences.
    Raises:
        CollectError: it could not begin.
        CatalogueError: the catalogue cannot be read.
        LogError: the prompts cannot be read.
    """
    asked = _asked(catalogue, options)
    if out is not None:
        check_out(Path(out))
    with tempfile.TemporaryDirectory() as held:
        prepared = prepare(Path(source), Path(held) / REQUESTS, dict(columns or {}))
        manifest = manifest_of(Path(source), prepared, asked, options, time.time())
        if out is not None and (Path(out) / MANIFEST).exists():
            with Collection(Path(out)) as there:
                check_same(Path(out), there.manifest, manifest)
                table = there.table()
                if options.retry:
                    table.forget(("failed",))
                made = plan(there.requests, there.manifest, asked, options, table)
            return made, prepared.notes
        with RequestFile(prepared.path) as requests:
            return plan(requests, manifest, asked, options), prepared.notes
