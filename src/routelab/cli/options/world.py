"""Options of a changed world: other prices, latencies or models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from routelab.cli.options.groups import group
from routelab.cli.options.log import AllowMissing, Columns, CompleteLogOptions, Ignore, QualityScale
from routelab.core.catalogue import Model
from routelab.errors import RoutelabError
from routelab.logs import price_lists
from routelab.whatif import RepricedWorld


@group("The new world")
class WorldOptions:
    """Changes of prices, latencies and candidates since the log was written.

    Attributes:
        prices: file of new list prices.
        price, latency: texts "MODEL=FACTOR" on every cost, and on every latency, of a model.
        drop, add: candidates that are gone, and models of the log that become candidates.
    """

    prices: Annotated[
        Path | None,
        typer.Option(
            "--prices", metavar="FILE", help="New list prices, of any form that `prices` reads."
        ),
    ] = None
    price: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=FACTOR", help="Times every cost of a model. Repeatable."),
    ] = None
    latency: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=FACTOR", help="Times its latency. Repeatable."),
    ] = None
    drop: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="A model that is gone. Repeatable.")
    ] = None
    add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL", help="A model of the log that becomes a candidate. Repeatable."
        ),
    ] = None

    def world(self, candidates: Sequence[str]) -> RepricedWorld:
        """The changes as the library takes them.

        Args:
            candidates: until now; their new prices, and those of models added, are looked up.
        Raises:
            RoutelabError: a factor is not written as MODEL=FACTOR, or new prices cannot be read.
        """
        return RepricedWorld(
            prices=_listed(self.prices, (*candidates, *(self.add or ()))),
            price=_factors("--price", self.price or ()),
            latency=_factors("--latency", self.latency or ()),
            drop=tuple(dict.fromkeys(self.drop or ())),
            add=tuple(dict.fromkeys(self.add or ())),
        )


@group("Reading the log")
class OldLogOptions:
    """How the log was read in the old world, where --prices are those of the new one.

    Attributes:
        column: texts that name a column of the file for a field of the log.
        log_prices: file of the prices that filled in the log's costs then.
        quality_scale, ignore: as of `LogOptions`.
        allow_missing: accept a log that lacks many outcomes.
    """

    column: Columns = None
    log_prices: Annotated[
        Path | None,
        typer.Option(
            "--log-prices", metavar="FILE", help="Prices that filled in the log's costs then."
        ),
    ] = None
    quality_scale: QualityScale = None
    ignore: Ignore = None
    allow_missing: AllowMissing = False

    @property
    def reading(self) -> CompleteLogOptions:
        """The same as `CompleteLogOptions`, which other commands take."""
        return CompleteLogOptions(
            self.column,
            self.log_prices,
            self.quality_scale,
            self.ignore,
            self.allow_missing,
        )


def _listed(path: Path | None, names: Sequence[str]) -> dict[str, Model]:
    """List prices of these models; the whole of a list that has none of them, to be told."""
    if path is None:
        return {}
    prices = price_lists.read(path)
    return prices.models(names) or dict.fromkeys(prices.names, Model())


def _factors(option: str, given: Sequence[str]) -> dict[str, float]:
    """`MODEL=FACTOR`; a model may have `=` in its name."""
    found, problems = {}, []
    for text in given:
        name, _, tail = text.rpartition("=")
        try:
            found[name] = float(tail)
        except ValueError:
            name = ""
        if not name:
            problems.append(f"{option} {text}: write it as MODEL=FACTOR, for example large=2")
    if problems:
        raise RoutelabError(*problems)
    return found
