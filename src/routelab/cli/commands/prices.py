"""`routelab prices`: what models cost, from whichever price list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType

from routelab.cli.console import print_json, tell
from routelab.cli.options import Json
from routelab.cli.output import tables
from routelab.core.catalogue import PRICES, Model, catalogue_file
from routelab.core.messages import counted
from routelab.core.storage import replacing
from routelab.errors import LogError, RoutelabError
from routelab.logs.price_lists import FORMS, PriceList, read

SHOWN = 40
"""Models in the table where none was named; `--json` has all."""
_HEADS = ("model", "when", "input", "cached", "write", "write 1h", "output", "reasoning", "request")
_COLUMNS = (
    "input_usd_per_mtok",
    "cached_input_usd_per_mtok",
    "cache_write_usd_per_mtok",
    "cache_write_1h_usd_per_mtok",
    "output_usd_per_mtok",
    "reasoning_usd_per_mtok",
    "usd_per_request",
)


def prices(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="LIST",
            help="A price list: models.toml, a CSV, or the JSON of LiteLLM or genai-prices.",
            show_default=False,
        ),
    ],
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Models; all by default.", show_default=False),
    ] = None,
    find: Annotated[
        str | None,
        typer.Option("--find", metavar="TEXT", help="Only models with this in their name."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DAY", help="Prices of one day, such as 2026-10-14, in UTC."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.toml", help="Write them as a catalogue; a new file."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what models cost by LIST, or make a catalogue of it.

    USD per million tokens, and per request. A model that LIST does not have is an error, and so
    are prices that nothing can cost: negative ones, two for one day, tiers that overlap.

    Example: `routelab prices model_prices_and_context_window.json gpt-4o --at 2026-10-14`
    """
    day = _day(at)
    if out is not None:
        _check_out(out)
    listed = read(file)
    found = _chosen(listed, models or [], find)
    if day is not None:
        found = {name: model.on(day) for name, model in found.items()}
    for note in _notes(listed, found):
        tell(f"note: {note}")
    if out is not None:
        with replacing(out) as path:
            path.write_text(catalogue_file.text(found), encoding="utf-8")
    if json:
        prices = {
            name: msgspec.to_builtins(model, builtin_types=(date,)) for name, model in found.items()
        }
        print_json({"list": listed.source, "form": listed.form, "models": prices})
    else:
        tables.show(*_tables(listed, found, whole=not (models or find)))
        if out is not None:
            typer.echo(f"\ncatalogue: {out}")


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise RoutelabError(f"--at {text}: write a day such as 2026-10-14") from None


def _check_out(out: Path) -> None:
    if out.suffix != ".toml":
        raise RoutelabError(f"--out {out}: a catalogue is written as TOML; end the name in .toml")
    if out.exists():
        raise RoutelabError(f"--out {out}: is there already; name a new file")
    if not out.parent.is_dir():
        raise RoutelabError(f"--out {out}: there is no directory {out.parent}; make it first")


def _chosen(listed: PriceList, names: list[str], find: str | None) -> Mapping[str, Model]:
    """The models asked for.

    Raises:
        LogError: names that are not listed, and prices that nothing can cost; all of them.
    """
    problems: list[str] = []
    found: dict[str, Model] = {}
    wanted = names or list(listed.names)
    if find is not None:
        wanted = [it for it in wanted if find.lower() in it.lower()]
        if not wanted:
            problems.append(f"{listed.source}: no model has {find!r} in its name")
    problems += listed.unknown(wanted)
    try:
        found = listed.models(wanted)
    except LogError as error:
        problems += error.problems
    if problems:
        raise LogError(*dict.fromkeys(problems))
    bases = [it.base for it in found.values() if it.base and it.base not in found]
    return {**listed.models(bases), **found}


def _notes(listed: PriceList, found: Mapping[str, Model]) -> Iterator[str]:
    """What the list says of these models and is not read, and other names they go by there."""
    unread: dict[str, list[str]] = {}
    for name in found:
        known = listed.find(name) or name
        if known != name:
            yield f"{name} is {known} in {listed.source}"
        for note in listed.listed(known).notes:
            unread.setdefault(note, []).append(name)
    for note, names in list(unread.items())[:5]:
        whose = names[0] if len(names) == 1 else counted(len(names), "model")
        yield f"{whose}: {note}"


def _tables(listed: PriceList, found: Mapping[str, Model], whole: bool) -> Iterator[RenderableType]:
    title = f"USD per million tokens by {listed.source}, {FORMS[listed.form]}"
    table = tables.table(title, _HEADS)
    names = list(found)[: SHOWN if whole else len(found)]
    for name in names:
        for when, rates in _rows(found[name]):
            shown = (_shown(getattr(rates, it), it == "usd_per_request") for it in _COLUMNS)
            table.add_row(tables.escaped("" if when else name), tables.escaped(when), *shown)
    if len(names) < len(found):
        table.caption = f"{len(names)} of {len(found):,} models; name some, or --find TEXT"
    yield table


def _rows(model: Model) -> Iterator[tuple[str, Any]]:
    """The prices of a model, and when each holds."""
    yield from _of_sheet(model, "")
    for sheet in sorted(model.dated, key=lambda it: it.from_day):
        yield from _of_sheet(sheet, f"from {sheet.from_day}")


def _of_sheet(sheet: Any, when: str) -> Iterator[tuple[str, Any]]:
    if when or any(getattr(sheet, it) is not None for it in PRICES):
        yield when, sheet
    for tier in sheet.tiers:
        yield _and(when, f"above {tier.above_tokens:,} tokens"), tier
    for name, service in sheet.services.items():
        yield _and(when, name), service
        for tier in service.tiers:
            yield _and(when, name, f"above {tier.above_tokens:,} tokens"), tier


def _and(*parts: str) -> str:
    return ", ".join(it for it in parts if it)


def _shown(price: float | None, nothing_is_usual: bool) -> str:
    return "" if price is None or (nothing_is_usual and not price) else f"{price:g}"
