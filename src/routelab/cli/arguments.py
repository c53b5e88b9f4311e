"""Arguments and options that mean the same in every command, and what is written in them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from routelab.core import SignalSpec
from routelab.errors import RoutelabError

LogPath = Annotated[
    Path,
    typer.Argument(
        metavar="LOG",
        help="Log as .parquet, .csv, .json or .jsonl, or a folder.",
        show_default=False,
    ),
]
Feedback = Annotated[
    Path | None,
    typer.Option(
        "--feedback",
        metavar="FILE.jsonl",
        help="What answers of a decision log were worth: request_id, quality, model.",
    ),
]
LogOption = Annotated[
    Path,
    typer.Option(
        "--log",
        metavar="LOG",
        help="Log as .parquet, .csv or .jsonl; or a folder of Parquet files, or a pattern.",
    ),
]
PolicyPath = Annotated[
    Path, typer.Argument(metavar="POLICY", help="A policy directory.", show_default=False)
]
Policies = Annotated[
    list[Path],
    typer.Argument(metavar="POLICY...", help="Policy directories.", show_default=False),
]
Part = Annotated[
    str, typer.Option(help="Part of the log: train, tune, calibrate, test, or all of it.")
]
CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue", metavar="FILE.toml", help="Models, prices, capabilities and deployments."
    ),
]
Packages = Annotated[
    list[str] | None,
    typer.Option(
        "--package",
        metavar="NAME",
        help="An installed package that brings kinds, whose code may run. Repeatable.",
    ),
]


def signal_option(text: str) -> tuple[str, SignalSpec]:
    """`NAME`, `NAME:MULTIPLIER`, `NAME:knowable` or both, in either order.

    Raises:
        RoutelabError: the multiplier is below 1.
    """
    name, spec = text, SignalSpec()
    for _ in range(2):
        rest, colon, tail = name.rpartition(":")
        if colon and tail == "knowable" and not spec.vouched:
            name, spec = rest, msgspec.structs.replace(spec, knowable=True)
        elif colon and spec.multiplier is None and (times := _number(tail)) is not None:
            name, spec = rest, msgspec.structs.replace(spec, multiplier=times)
    if problems := list(spec.problems):
        raise RoutelabError(*(f"--signal {text}: {problem}" for problem in problems))
    return name, spec


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def pairs(
    option: str, texts: Sequence[str], example: str, form: str = "NAME=SOURCE"
) -> dict[str, str]:
    """What an option that is given as `NAME=VALUE` says.

    Raises:
        RoutelabError: one is written otherwise, or a name has two values.
    """
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise RoutelabError(f"{option} {wrong[0]}: write it as {form}, for example {example}")
    found: dict[str, str] = {}
    for text in texts:
        name, value = text.split("=", 1)
        if found.setdefault(name, value) != value:
            raise RoutelabError(f"{option} {name}: is given twice, in two ways; keep one")
    return found


def names_in(option: str, text: str | None) -> tuple[str, ...]:
    """Names with commas between; one with a comma in it stands in double quotes.

    Raises:
        RoutelabError: a quote is not closed, or a name is empty or there twice.
    """
    if text is None:
        return ()
    try:
        (found,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise RoutelabError(f"{option} {text}: no list of names: {error}") from error
    names = tuple(found)
    if not names or not all(name.strip() for name in names) or len(set(names)) < len(names):
        raise RoutelabError(
            f"{option} {text}: a name is empty or there twice; write it as A,B, a name with a comma"
            " in double quotes"
        )
    return names
