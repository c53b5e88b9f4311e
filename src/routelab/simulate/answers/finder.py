"""Find the logged request that a live one repeats."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from routelab.core.catalogue import Catalogue
from routelab.core.conversation import (
    DEFAULT_READS,
    content_text,
    is_prompt,
    message_text,
    read_messages,
)
from routelab.core.messages import first
from routelab.logs.formats import message_key, prompt_key
from routelab.logs.model import Log
from routelab.runtime import REQUEST_ID, header_text
from routelab.simulate.answers.candidates import asked_candidate
from routelab.simulate.answers.replay_error import ReplayError

_SHOWN = 10
"""Ids or models that an error message lists."""

_IDS = 100_000
"""Ids that the log does not know of which it is remembered what they were answered from."""


class Finder:
    """Finds the row and the column of a log that a chat request asks for.

    Args:
        catalogue: its deployments' model names stand for the log's models.
        tell: takes one warning, once answers may be of another request than the one meant.
    """

    def __init__(
        self, log: Log, catalogue: Catalogue | None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._log = log
        self._tell = tell
        self._is_told = False
        self._models = {} if catalogue is None else dict(catalogue.models)
        self._named = _named(log, catalogue)
        self._rows = {str(key): row for row, key in enumerate(log.requests.id)}
        self._turns: dict[str, _Turn] = {}
        self._numbers: OrderedDict[tuple[str, str], int] = OrderedDict()

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

    def row(
        self, request_id: str | None, messages: object, column: int = 0, *, again: bool = False
    ) -> int:
        """Row of the request with this id, else with these messages, else with this prompt.

        Several requests that say the same are answered for in turn: a model that was asked as
        often as another is asked about the next of them, and one that was asked less often about
        the one that the other answered last, as a cascade does. An id that the log does not know
        stays with the request that it was first answered from, so that what is asked at the same
        time is kept apart; without one that is a guess, and a warning says so.

        Args:
            request_id: as the header has it; None where there is none.
            messages: of the request.
            column: of the model that is asked.
            again: for a further answer to the same request.
        Raises:
            ReplayError: 404 if there is none.
        """
        for key in [] if request_id is None else [header_text(request_id), request_id]:
            if key in self._rows:
                return self._rows[key]
        for key in _keys(messages):
            if rows := self._by_text.get(key):
                return rows[self._number(key, request_id, column, again) % len(rows)]
        tried = f"no request has the {REQUEST_ID} {request_id!r}; " if request_id else ""
        raise ReplayError(
            404,
            "request_not_found",
            f"{tried}{self._log.name} has no such prompt;"
            f" say which request is meant by the header {REQUEST_ID} (the request's id)",
        )

    def _number(self, key: str, request_id: str | None, column: int, again: bool) -> int:
        """Number of the request, among those that say the same, that is answered from."""
        turn = self._turns.setdefault(key, _Turn())
        named = None if request_id is None else (key, request_id)
        if named is not None and named in self._numbers:
            self._numbers.move_to_end(named)
            number = self._numbers[named]
            turn.was_of(column, number)
            return number
        if named is None and turn.is_guess(column) and len(self._by_text[key]) > 1:
            self._tell_guess(self._by_text[key])
        number = turn.of(column, again)
        if named is not None:
            self._numbers[named] = number
            if len(self._numbers) > _IDS:
                self._numbers.popitem(last=False)
        return number

    def _tell_guess(self, rows: list[int]) -> None:
        if not self._is_told:
            self._is_told = True
            ids = first([str(self._log.requests.id[row]) for row in rows], 3)
            self._tell(
                f"warning: requests that say the same ({ids}) were asked without the header"
                f" {REQUEST_ID}: where several are asked at the same time, one may be given the"
                " answers of two of them; send the id of each"
            )

    @cached_property
    def _by_text(self) -> dict[str, list[int]]:
        """Rows by the SHA-256 of all messages, by a prompt alone, and by what the user says."""
        rows: dict[str, list[int]] = {}
        if (texts := self._log.texts) is None:
            return rows
        prompts, _ = self._log.prompt_keys
        for row, (prompt, messages) in enumerate(zip(prompts, texts.message_keys(), strict=True)):
            for key in {str(prompt), str(messages) or _alone(str(prompt))}:
                rows.setdefault(key, []).append(row)
        return rows


class _Turn:
    """Whose turn it is among requests that say the same."""

    def __init__(self) -> None:
        self._asked: dict[int, int] = {}

    def of(self, column: int, again: bool) -> int:
        """Number of the request that a model is asked about, from 0."""
        most, mine = max(self._asked.values(), default=0), self._asked.get(column, 0)
        if not (again and mine):
            mine = self._asked[column] = mine + 1 if mine == most else most
        return mine - 1

    def was_of(self, column: int, number: int) -> None:
        """A model is asked about a request that is known to be this one."""
        self._asked[column] = max(self._asked.get(column, 0), number + 1)

    def is_guess(self, column: int) -> bool:
        """Whether the request that a model is asked about could be an earlier one too.

        Another model was asked about several that this one was not asked about.
        """
        return max(self._asked.values(), default=0) - self._asked.get(column, 0) > 1


def _keys(messages: object) -> Iterator[str]:
    """What requests may be known by: all messages, or a prompt alone; what the user says, and
    says last; then the same as texts alone, without a word of images.
    """
    listed = messages if isinstance(messages, list | tuple) else ()
    said = tuple(message for message in listed if isinstance(message, Mapping))
    yield message_key(said)
    if is_prompt(said, prompt := message_text(read_messages(said, DEFAULT_READS))):
        yield _alone(prompt_key(prompt))
    for reads in (DEFAULT_READS, "last_turn"):
        yield prompt_key(message_text(read_messages(said, reads)))
    users = (message for message in said if message.get("role") == "user")
    yield prompt_key("".join(content_text(message.get("content")) for message in users))


def _alone(key: str) -> str:
    """The key of a prompt that nothing stands beside, by that of its text."""
    return f"alone {key}"


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
