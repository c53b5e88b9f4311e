"""Find the logged request that a live one repeats."""

from __future__ import annotations

from functools import cached_property

from routelab.core.catalogue import Catalogue
from routelab.core.messages import first
from routelab.errors import LogError
from routelab.logs.formats import prompt_key
from routelab.logs.model import Log
from routelab.runtime import REQUEST_ID, header_text
from routelab.signals import prompt_text
from routelab.simulate.answers.replay_error import ReplayError

_SHOWN = 10
"""Ids or models that an error message lists."""


class Finder:
    """Finds the row and the column of a log that a chat request asks for.

    Args:
        catalogue: its deployments' model names stand for the log's models.
    """

    def __init__(self, log: Log, catalogue: Catalogue | None) -> None:
        self._log = log
        self._columns = _columns(log, catalogue)
        self._rows = {str(key): row for row, key in enumerate(log.requests.id)}

    def column(self, model: object) -> int:
        """Column of the model that a request names.

        Raises:
            ReplayError: 404, naming the models there are.
        """
        if not isinstance(model, str) or model not in self._columns:
            known = first(self._log.models, _SHOWN)
            raise ReplayError(
                404, "model_not_found", f"{self._log.name} has no model {model!r}: {known}"
            )
        return self._columns[model]

    def row(self, request_id: str | None, messages: object) -> int:
        """Row of the request with this id, else of the only one with this prompt.

        Raises:
            ReplayError: 404 if there is none, 409 if several have the prompt.
        """
        for key in [] if request_id is None else [header_text(request_id), request_id]:
            if key in self._rows:
                return self._rows[key]
        rows = self._by_prompt.get(prompt_key(prompt_text(messages)), [])
        if len(rows) == 1:
            return rows[0]
        tried = f"no request has the {REQUEST_ID} {request_id!r}; " if request_id else ""
        if not rows:
            raise ReplayError(
                404,
                "request_not_found",
                f"{tried}{self._log.name} has no such prompt;"
                f" say which request is meant by the header {REQUEST_ID} (the request's id)",
            )
        ids = first([str(key) for key in self._log.requests.id[rows]], _SHOWN)
        raise ReplayError(
            409,
            "ambiguous_prompt",
            f"{tried}{len(rows)} requests have this prompt: {ids};"
            f" say which by the header {REQUEST_ID}",
        )

    @cached_property
    def _by_prompt(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        try:
            keys, _ = self._log.prompt_keys
        except LogError:
            return rows
        for row, key in enumerate(keys):
            rows.setdefault(str(key), []).append(row)
        return rows


def _columns(log: Log, catalogue: Catalogue | None) -> dict[str, int]:
    """Columns by model name, and by the upstream names that stand for one model only."""
    meant: dict[str, set[int]] = {}
    for name, model in (catalogue.models if catalogue else {}).items():
        for deployment in model.deployments if name in log.models else ():
            meant.setdefault(deployment.model, set()).add(log.column(name))
    upstream = {name: next(iter(columns)) for name, columns in meant.items() if len(columns) == 1}
    return upstream | {name: column for column, name in enumerate(log.models)}
