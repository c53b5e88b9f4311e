"""Price lists of our own: a CSV with a row a model, or a `models.toml`."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from routelab.core.catalogue import DatedPrices, Model, catalogue_file, price_problems
from routelab.core.messages import counted, nearest
from routelab.core.storage import read_bounded
from routelab.errors import LogError
from routelab.logs.formats import csv_header, numerals
from routelab.logs.model import Problems
from routelab.logs.price_lists.price_list import PriceList, of_models

COLUMNS = {
    "usd_per_1m_input": "input_usd_per_mtok",
    "usd_per_1m_output": "output_usd_per_mtok",
    "usd_per_1m_cached_input": "cached_input_usd_per_mtok",
    "usd_per_1m_cache_write": "cache_write_usd_per_mtok",
    "usd_per_1m_cache_write_1h": "cache_write_1h_usd_per_mtok",
    "usd_per_1m_reasoning": "reasoning_usd_per_mtok",
    "usd_per_request": "usd_per_request",
}
"""Columns of a CSV, and the prices that they hold."""
_NEEDED = ("usd_per_1m_input", "usd_per_1m_output")


def read_toml(path: Path) -> PriceList:
    """The prices of a catalogue.

    Raises:
        CatalogueError: as `catalogue_file.read` says.
    """
    return of_models(path.name, "toml", catalogue_file.read(path).models)


def read_csv(path: Path) -> PriceList:
    """Prices from a CSV with a column `model`, and prices in USD per million tokens.

    `from`, a day, tells several rows of a model apart.

    Raises:
        LogError: the file or a column is missing, a row has no model or more cells than the
            header, a price is no number or negative, a model is listed twice for one day.
    """
    try:
        file = StringIO(read_bounded(path, "json_bytes").decode("utf-8-sig"), newline="")
        header, delimiter = csv_header(path)
        cells = csv.reader(file, delimiter=delimiter, strict=True)
        next(cells, None)
        numbered = [(cells.line_num, _trimmed(line, len(header))) for line in cells if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"{path.name}: prices cannot be read: {error}") from error
    problems = Problems(path.name)
    _check_columns(header if numbered else [], problems)
    for number, cells_of_line in numbered:
        if len(cells_of_line) != len(header):
            problems.add(
                f"line {number}: {counted(len(cells_of_line), 'field')}, and the header has"
                f" {len(header)}; write as many, empty ones too, and quote what holds"
                f" {delimiter!r}"
            )
    problems.stop()
    read = _read_columns([dict(zip(header, it, strict=True)) for _, it in numbered])
    rows: dict[str, dict[date | None, dict[str, float]]] = defaultdict(dict)
    twice: dict[str, None] = {}
    for number, of_line in numbered:
        line = dict(zip(header, of_line, strict=True))
        name, day = line["model"], _day(number, line, problems)
        if not name.strip():
            problems.add(f"line {number}: model is empty; name it")
        if day in rows[name]:
            twice[f"{name} from {day}" if day else name] = None
        rows[name][day] = _prices(number, line, read, problems)
    if twice:
        problems.add(f"listed twice: {', '.join(twice)}; keep one price of each model and day")
    problems.stop()
    models = {name: _model(by_day) for name, by_day in rows.items()}
    for name, model in models.items():
        for problem in price_problems(model):
            problems.add(f"{name}: {problem}")
    problems.stop()
    return of_models(path.name, "csv", models)


def _trimmed(cells: list[str], n: int) -> list[str]:
    """Without empty cells behind the header's last."""
    return cells if any(it.strip() for it in cells[n:]) else cells[:n]


def _check_columns(there: list[str], problems: Problems) -> None:
    shown = ", ".join(("model", *_NEEDED))
    if not there:
        problems.add(f"no rows; prices have the columns {shown}")
        return
    flat = "usd_per_request" in there and not set(_NEEDED) & set(there)
    for name in ("model",) if flat else ("model", *_NEEDED):
        if name not in there:
            problems.add(f"no column {name!r}; prices have the columns {shown}")
    for name in sorted({name for name in there if there.count(name) > 1}):
        problems.add(f"the column {name!r} is there twice; keep one")
    known = (*COLUMNS, "from", "model")
    for name in there:
        if name not in known and (meant := nearest(name, known, 0.85)):
            problems.add(f"no column is called {name!r}; write {meant!r}, or a name less like it")


def _day(number: int, line: Mapping[str, str], problems: Problems) -> date | None:
    text = (line.get("from") or "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        problems.add(f"line {number}: from is {text!r}; write a day such as 2026-10-14")
        return None


def _model(by_day: Mapping[date | None, dict[str, Any]]) -> Model:
    dated = [DatedPrices(from_day=day, **it) for day, it in by_day.items() if day is not None]
    dated.sort(key=lambda it: it.from_day)
    return Model(**by_day.get(None, {}), dated=tuple(dated))


class _Price(NamedTuple):
    """What a cell says: a price, None for none, or why it is neither."""

    usd: float | None
    wrong: str = ""


def _read_columns(lines: Sequence[Mapping[str, str]]) -> dict[str, dict[str, _Price]]:
    """By column, what each text in it means, in the notation of numbers that logs have."""
    found = {}
    for column in COLUMNS:
        texts = list(dict.fromkeys(it[column] for it in lines if column in it))
        values, bad, why = numerals(texts, {}, percent=None)
        found[column] = {
            text: _price(float(value), bool(wrong), why.get(text, ""))
            for text, value, wrong in zip(texts, values, bad, strict=True)
        }
    return found


def _price(value: float, bad: bool, why: str) -> _Price:
    if bad or math.isinf(value) or value < 0:
        return _Price(None, why or "a price is a number >= 0")
    return _Price(None if math.isnan(value) else value)


def _prices(
    number: int,
    line: Mapping[str, str],
    read: Mapping[str, Mapping[str, _Price]],
    problems: Problems,
) -> dict[str, float]:
    found = {}
    for column, field in COLUMNS.items():
        if column not in line:
            continue
        text, price = line[column].strip(), read[column][line[column]]
        if price.wrong:
            problems.add(f"line {number} ({line['model']!r}): {column} is {text!r}; {price.wrong}")
        elif price.usd is not None:
            found[field] = price.usd
    return found
