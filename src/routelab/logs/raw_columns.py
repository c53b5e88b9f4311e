"""Columns of a log's file as they are written, by request and model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from routelab.errors import LogError
from routelab.logs.columns import resolve
from routelab.logs.formats import arrow
from routelab.logs.model import Problems, Strings
from routelab.logs.reader import open_source


class RawColumns:
    """A file with a row for each request and model, whose columns are read as they are.

    Args:
        path: of the file.
        columns: our column name to the file's, as for `read`.
    Raises:
        LogError: it has no column of requests or none of models, or cannot be read.
    """

    def __init__(self, path: Path, columns: Mapping[str, str] | None = None) -> None:
        self._source = open_source(path)
        problems = Problems(path.name)
        self.of = dict(resolve(self._source.names, columns or {}, problems).of)
        problems.stop()
        if not {"request_id", "model"} <= self.of.keys():
            raise LogError(f"{path.name}: no columns of requests and models to tell rows by")
        self.names = tuple(self._source.names)

    @cached_property
    def _places(self) -> tuple[Strings, Strings]:
        table = self._source.read([self.of["request_id"], self.of["model"]])
        request, model = (arrow.coded(table[self.of[name]]) for name in ("request_id", "model"))
        return request.values[request.codes], model.values[model.codes]

    def values(self, name: str, requests: Strings, models: Sequence[str]) -> Any:
        """(n, m) objects of a column, the first of each request and model; None for none.

        Args:
            name: of the column in the file.
            requests: (n,) ids, in the order wanted.
            models: (m,) names, likewise.
        """
        found = np.full((len(requests), len(models)), None, dtype=object)
        values = self._source.read([name])[name].to_pylist()
        for (row, column), value in zip(self._cells(requests, models), values, strict=True):
            if row is not None and column is not None and found[row, column] is None:
                found[row, column] = value
        return found

    def texts(
        self, name: str, requests: Strings, models: Sequence[str]
    ) -> Iterator[tuple[int, int, str]]:
        """Texts of a column with their places in (n, m), in the order of the file, not held.

        Args:
            name, requests, models: as for `values`.
        """
        cells = self._cells(requests, models)
        for _, texts in self._source.strings(name, np.arange(self._source.n_rows)):
            for text in texts:
                row, column = next(cells)
                if text is not None and row is not None and column is not None:
                    yield row, column, text

    def _cells(
        self, requests: Strings, models: Sequence[str]
    ) -> Iterator[tuple[int | None, int | None]]:
        """Where each row of the file belongs."""
        row_of = {str(it): at for at, it in enumerate(requests)}
        column_of = {it: at for at, it in enumerate(models)}
        for request, model in zip(*self._places, strict=True):
            yield row_of.get(request), column_of.get(model)
