"""List prices that fill in the costs a log lacks."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from routelab.core import Floats
from routelab.core.catalogue import Model
from routelab.errors import LogError
from routelab.logs.columns.rows import LogRows
from routelab.logs.formats import csv_header
from routelab.logs.model import Problems

_COLUMNS = ("model", "usd_per_1m_input", "usd_per_1m_output")


def read(path: Path) -> dict[str, Model]:
    """Prices from a CSV with the columns model, usd_per_1m_input, usd_per_1m_output.

    Raises:
        LogError: the file or a column is missing, a price is no number or negative, a model
            is listed twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=csv_header(path)[1])
            numbered = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"{path.name}: prices cannot be read: {error}") from error
    problems, lines = Problems(path.name), [line for _, line in numbered]
    for name in _COLUMNS if lines else ():
        if name not in lines[0]:
            problems.add(f"no column {name!r}; prices have the columns {', '.join(_COLUMNS)}")
    if not lines:
        problems.add(f"no rows; prices have the columns {', '.join(_COLUMNS)}")
    problems.stop()
    models = {line["model"]: _model(number, line, problems) for number, line in numbered}
    if len(models) < len(lines):
        names = [line["model"] for line in lines]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems.add(f"listed twice: {', '.join(twice)}; keep one price of each model")
    problems.stop()
    return models


def fill(
    rows: LogRows, prices: Mapping[str, Model], source: str
) -> tuple[LogRows, tuple[str, ...]]:
    """Derive costs from tokens and prices where none is logged; logged costs are kept.

    Args:
        source: of the prices, for the note.
    Returns:
        The rows, and a note of what was derived.
    """
    listed = [prices.get(name, Model()) for name in rows.models]
    spent = rows.values["prompt_tokens"] * _each(listed, "input_usd_per_mtok")[rows.model]
    answer = rows.values["completion_tokens"] * _each(listed, "output_usd_per_mtok")[rows.model]
    derived = (spent + answer) / 1e6
    cost = rows.values["cost_usd"]
    here = np.isnan(cost) & ~np.isnan(derived)
    if not here.any():
        return rows, ()
    names = [rows.models[index] for index in np.unique(rows.model[here])]
    note = (
        f"cost of {', '.join(names)} derived from tokens and the prices of {source} on"
        f" {int(here.sum()):,} rows without a logged cost"
    )
    return replace(rows, values={**rows.values, "cost_usd": np.where(here, derived, cost)}), (note,)


def free_failures(rows: LogRows) -> LogRows:
    """Failed calls without any cost cost nothing."""
    cost = rows.values["cost_usd"]
    cost = np.where(rows.error & np.isnan(cost), 0.0, cost)
    return replace(rows, values={**rows.values, "cost_usd": cost})


def _each(models: list[Model], field: str) -> Floats:
    values = [getattr(model, field) for model in models]
    return np.array([math.nan if value is None else value for value in values])


def _model(number: int, line: Mapping[str, str | None], problems: Problems) -> Model:
    found = [_price(number, line, name, problems) for name in _COLUMNS[1:]]
    return Model(input_usd_per_mtok=found[0], output_usd_per_mtok=found[1])


def _price(
    number: int, line: Mapping[str, str | None], name: str, problems: Problems
) -> float | None:
    text = (line[name] or "").strip()
    try:
        price = float(text) if text else None
    except ValueError:
        price = math.nan
    if price is not None and not (math.isfinite(price) and price >= 0):
        problems.add(
            f"line {number} ({line['model']!r}): {name} is {text!r}; a price is a number >= 0"
        )
    return price
