"""Find the logged request that a live one repeats."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from routelab.core.catalogue import Catalogue
from routelab.core.messages import first
from routelab.errors import LogError
from routelab.logs.formats import prompt_key
from routelab.logs.model import Log
from routelab.runtime import REQUEST_ID, header_text
from routelab.signals import prompt_text
from routelab.simulate.answers.candidates import asked_candidate
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
        self._models = {} if catalogue is None else dict(catalogue.models)
        self._named = _named(log, catalogue)
        self._rows = {str(key): row for row, key in enumerate(log.requests.id)}

    def column(self, asked: Mapping[str, Any]) -> int:
        """Column of the model that a request is for: by its name, among candidates by parameters.

        Args:
            asked: the request's body.
        Raises:
            ReplayError: 404, naming the models there are; 409 where candidates fit alike.
        """
        model = asked.get("model")
        if not isinstance(model, str) or model not in self._named:
            known = first(self._log.models, _SHOWN)
            raise ReplayError(
                404, "model_not_found", f"{self._log.name} has no model {model!r}: {known}"
            )
        names = self._named[model]
        return self._log.column(
            names[0] if len(names) == 1 else asked_candidate(names, self._models, asked)
        )

    def prompt(self, column: int, messages: object) -> object:
        """Messages without what the candidate of a column put before them."""
        model = self._models.get(self._log.models[column])
        if model is None or model.parameters is None or not model.parameters.prompt_prefix:
            return messages
        return model.parameters.without_prefix(messages) or messages

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


def _named(log: Log, catalogue: Catalogue | None) -> dict[str, tuple[str, ...]]:
    """The log's models that a name may mean: their own name, or that of their deployments.

    A deployment's name that stands for several models means none, unless they are candidates.
    """
    models = {} if catalogue is None else catalogue.models
    meant: dict[str, list[str]] = {}
    for name, model in models.items():
        for deployment in model.deployments if name in log.models else ():
            there = meant.setdefault(deployment.model, [])
            if name not in there:
                there.append(name)
    found: dict[str, tuple[str, ...]] = {}
    for upstream, names in meant.items():
        plain = [it for it in names if not models[it].base]
        if upstream in log.models:
            plain = [upstream] if upstream not in models or not models[upstream].base else []
        others = [it for it in names if models[it].base]
        if len(plain) <= 1:
            found[upstream] = (*plain, *others)
    own = {name: (name,) for name in log.models}
    return own | {name: them for name, them in found.items() if len(them) > 1 or name not in own}
