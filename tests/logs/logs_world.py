"""Small logs made on the spot, and what it means that two are equal."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from routelab.errors import RoutelabError
from routelab.logs import Log, PartialLog, read

ROWS: list[dict[str, Any]] = [
    {"request_id": "001", "model": "small", "quality": 0.25, "cost_usd": 1e-05, "sure": 0.1},
    {"request_id": "001", "model": "big", "quality": 1.0, "cost_usd": 0.1, "sure": 0.2},
    {"request_id": "002", "model": "small", "quality": 0.0, "cost_usd": 3e-05, "sure": None},
    {"request_id": "002", "model": "big", "quality": 0.5, "cost_usd": 1 / 3, "sure": 0.7},
]


def with_column(name: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows with one more column, or with another one in its place."""
    return [{**row, name: value} for row, value in zip(ROWS, values, strict=True)]


def save(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Rows as a file of the format that its suffix says."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pq.write_table(pa.table({n: [row.get(n) for row in rows] for n in names}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    return path


def problems_of(path: Path, **options: Any) -> tuple[str, ...]:
    """What reading a file complains of."""
    with pytest.raises(RoutelabError) as caught:
        read(path, **options)
    return caught.value.problems


def assert_equal(one: Log | PartialLog, other: Log | PartialLog) -> None:
    """Every array, every name, and the texts."""
    assert type(one) is type(other)
    mine, theirs = vars(one), vars(other)
    for name in mine.keys() - {"requests", "texts", "path", "notes"}:
        if name not in ("sha256", "prompt_keys", "opening_keys", "prompt_groups"):
            _same(name, mine[name], theirs[name])
    for name, column in vars(one.requests).items():
        _same(name, column, vars(other.requests)[name])
    assert (one.texts is None) == (other.texts is None)
    if one.texts is not None and other.texts is not None:
        rows = np.arange(len(one))[::-1]
        assert one.texts.prompts(rows) == other.texts.prompts(rows)
        for model in one.models:
            assert one.texts.responses(rows, model) == other.texts.responses(rows, model)


def _same(name: str, one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            _same(f"{name}[{key}]", one[key], other[key])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)
    else:
        assert one == other, name
