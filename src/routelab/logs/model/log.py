"""Logged requests and what models did on them, as aligned arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats, Ints, Message, Request, SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.core.messages import foreign, short_repr
from routelab.errors import LogError
from routelab.logs.model import digest, display
from routelab.signals import column_of

Strings: TypeAlias = npt.NDArray[np.object_]
"""An array of str; what is not known is the empty text."""
_T = TypeVar("_T", bound=np.generic)


class Texts(Protocol):
    """Messages and responses, read from disk when asked for."""

    def messages(self, rows: Ints) -> list[tuple[Message, ...]]:
        """Messages of these requests (k,), in this order; a prompt is one message of the user."""
        ...

    def prompts(self, rows: Ints) -> list[str]:
        """What the user says in these requests (k,), in this order."""
        ...

    def responses(self, rows: Ints, model: str) -> list[str | None]:
        """One model's answers to these requests (k,), in this order; None if not logged."""
        ...

    def prompt_keys(self) -> tuple[Strings, Ints]:
        """(n,) SHA-256 (hex) of every prompt and (n,) its length in characters."""
        ...

    def opening_keys(self) -> Strings:
        """(n,) SHA-256 (hex) of the user's first turn, which a conversation's requests share."""
        ...

    def prompt_groups(self) -> Strings:
        """(n,) SHA-256 (hex) of the user's first turn without blanks and case."""
        ...

    def message_keys(self) -> Strings:
        """(n,) SHA-256 (hex) of all messages; empty texts where they are a prompt alone."""
        ...

    def kinds(self) -> frozenset[str]:
        """What messages hold besides prompts (see `routelab.core.conversation.kinds_of`)."""
        ...


@short_repr
@dataclass(frozen=True, eq=False)
class Requests:
    """Columns over requests, each (n,). A column that the log lacks is None.

    Attributes:
        id: unique.
        task: a benchmark, use case or route; empty where unknown, as are the other texts.
        group: what a split keeps together, such as a conversation or a user.
        timestamp_s: Unix seconds; NaN where missing.
        tenant, priority: who asked, and how urgently.
        needs: tuples of capabilities.
        audit: rows on which every model was run on purpose.
        max_cost_usd, deadline_s: bounds of a request in USD and seconds (see `Request`); NaN for
            none.
        split: which part it belongs to, where the log says so: "train", "test" and the like.
    """

    id: Strings
    task: Strings | None = None
    group: Strings | None = None
    timestamp_s: Floats | None = None
    tenant: Strings | None = None
    priority: Strings | None = None
    needs: Strings | None = None
    audit: Bools | None = None
    max_cost_usd: Floats | None = None
    deadline_s: Floats | None = None
    split: Strings | None = None

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: Ints) -> Requests:
        """These requests (k,), in this order."""
        columns: dict[str, Any] = {
            name: None if column is None else column[rows] for name, column in vars(self).items()
        }
        return Requests(**columns)

    def request(self, row: int) -> Request:
        """One request as a policy sees it, without its messages."""

        def text(column: Strings | None) -> str:
            return "" if column is None else str(column[row])

        return Request(
            id=str(self.id[row]),
            task=text(self.task),
            group=text(self.group),
            tenant=text(self.tenant),
            priority=text(self.priority),
            needs=() if self.needs is None else tuple(self.needs[row]),
            max_cost_usd=_bound(self.max_cost_usd, row),
            deadline_s=_bound(self.deadline_s, row),
        )


def _bound(column: Floats | None, row: int) -> float | None:
    return None if column is None or np.isnan(column[row]) else float(column[row])


class LogBase:
    """What complete and partial logs share: what they are called, and what tells them apart."""

    requests: Requests
    texts: Texts | None
    path: Path | None

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def name(self) -> str:
        return foreign(self.path.name) if self.path else "log in memory"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 (hex) of the file it was read from; of its content for a log made in memory."""
        if self.path is not None:
            return digest.of_path(self.path)
        keys: dict[str, Any] = {"prompts": self.texts and self.prompt_keys[0]}
        if self.texts is not None and self.texts.kinds():
            keys["messages"] = self.texts.message_keys()
        return digest.of_values({**arrays(self), **keys})

    @cached_property
    def prompt_keys(self) -> tuple[Strings, Ints]:
        """(n,) SHA-256 (hex) of every prompt and (n,) its length in characters.

        Raises:
            LogError: the log has no prompts.
        """
        return self._texts.prompt_keys()

    @cached_property
    def opening_keys(self) -> Strings:
        """(n,) SHA-256 (hex) of the user's first turn, which a conversation's requests share.

        Raises:
            LogError: the log has no prompts.
        """
        return self._texts.opening_keys()

    @cached_property
    def prompt_groups(self) -> Strings:
        """(n,) SHA-256 (hex) of the user's first turn without blanks and case, by which splits
        keep requests together.

        Raises:
            LogError: the log has no prompts.
        """
        return self._texts.prompt_groups()

    @property
    def message_kinds(self) -> frozenset[str]:
        """What its messages hold besides prompts, such as "system text", "tools" and "image"."""
        return frozenset() if self.texts is None else self.texts.kinds()

    @property
    def _texts(self) -> Texts:
        if self.texts is None:
            raise LogError(
                f"{self.name}: no prompt column; add one, or say which one it is:"
                " `columns={'prompt': 'COLUMN'}`"
            )
        return self.texts


@short_repr
@dataclass(frozen=True, eq=False)
class Log(LogBase):
    """A complete log: outcomes of models (m) on requests (n), axes (n, m) in Fortran order.

    >>> import numpy as np
    >>> from routelab.logs import Log, Requests
    >>> shape = (2, 2)  # requests, models
    >>> log = Log(
    ...     requests=Requests(id=np.array(["a", "b"], dtype=object)),
    ...     models=("small", "large"),
    ...     quality=np.array([[0.0, 1.0], [1.0, 1.0]]),
    ...     cost_usd=np.array([[1e-5, 1e-3], [2e-5, 2e-3]]),
    ...     latency_s=np.full(shape, np.nan),  # not observed
    ...     prompt_tokens=np.full(shape, np.nan),
    ...     completion_tokens=np.full(shape, np.nan),
    ...     error=np.zeros(shape, dtype=bool),
    ... )
    >>> log.quality.mean(axis=0)
    array([0.5, 1. ])

    Attributes:
        requests: what is known of each request, (n,) a column.
        models: (m,) names of the columns of outcomes.
        quality: (n, m) in [0, 1]; NaN = not observed; 0 where the call failed.
        cost_usd: (n, m) USD of the answer alone, without any confidence signal; NaN = not known.
        latency_s: (n, m) seconds to the complete answer; NaN = not observed.
        prompt_tokens, completion_tokens: (n, m); NaN = not observed.
        error: (n, m) the call failed.
        token_parts: by column, (n, m) tokens that are part of those and may have prices of their
            own: `cached_tokens`, `cache_write_tokens`, `cache_write_1h_tokens`,
            `reasoning_tokens`; NaN = none.
        signals: confidence by name, (n, m) in any unit; NaN = missing.
        extra_usd: by signal name, (n, m) USD that obtaining it adds to each call, where a column
            says.
        specs: what signals cost and where they come from, as far as known.
        unasked: (n, m) by column, numbers of which nobody said that they are signals; `with_specs`
            makes signals of those that are named.
        texts: prompts and answers; None where the log has none.
        path: of the file, or of the folder; None for a log made in memory.
        catalogue: named by the log's sidecar.
        notes: what reading the log left out, in sentences.
        again: further samples of the same models on the same requests, second ones first.
        reading: what was said beside the file of how to read it, as plain data for provenance.
        reads: which of a request's messages scorers learn from, one of
            `routelab.core.conversation.READS`; None for all of them.
        seen: what scorers learn from, where the outcomes here are doubly robust scores of a partial
            log, whose means are right and of which single ones mean nothing and leave their range:
            what was observed, elsewhere what is expected. Its `audit` says on which requests all
            was observed. None where the outcomes here were.
    """

    requests: Requests
    models: tuple[str, ...]
    quality: Floats
    cost_usd: Floats
    latency_s: Floats
    prompt_tokens: Floats
    completion_tokens: Floats
    error: Bools
    signals: Mapping[str, Floats] = field(default_factory=dict)
    extra_usd: Mapping[str, Floats] = field(default_factory=dict)
    specs: Mapping[str, SignalSpec] = field(default_factory=dict)
    unasked: Mapping[str, Floats] = field(default_factory=dict)
    texts: Texts | None = None
    path: Path | None = None
    catalogue: Catalogue | None = None
    notes: tuple[str, ...] = ()
    again: tuple[Log, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)
    reads: str | None = None
    token_parts: Mapping[str, Floats] = field(default_factory=dict)
    seen: Log | None = None

    @property
    def samples(self) -> tuple[Log, ...]:
        """This log, whose outcomes are the first of each model, and the further ones."""
        return (self, *self.again)

    def observed(self, key: tuple[int, int]) -> bool:
        """Whether the outcome at this row and column is there."""
        return not np.isnan(self.quality[key])

    @property
    def costed(self) -> tuple[str, ...]:
        """Models whose cost is known on one row at least."""
        there = np.atleast_1d((~np.isnan(self.cost_usd)).any(axis=0))
        return tuple(name for name, known in zip(self.models, there, strict=True) if known)

    def unasked_hint(self, names: Iterable[str]) -> str:
        """How to ask for signals whose columns are there and were not asked for; else empty."""
        there = [foreign(name) for name in names if column_of(name) in self.unasked]
        return f"; nobody asked for it: read the log with `signals={there!r}`" if there else ""

    def _repr_html_(self) -> str:
        """For notebooks."""
        return display.html(
            self.name,
            self.models,
            self.quality,
            self.cost_usd,
            self.latency_s,
            signals={name: self.spec(name).multiplier for name in self.signals},
            tasks=None if self.requests.task is None else len(set(self.requests.task)),
            notes=self.notes,
        )

    def column(self, model: str) -> int:
        """Column of a model.

        Raises:
            LogError: the log has no such model.
        """
        if model not in self.models:
            raise LogError(f"{self.name}: no model {model!r}; it has {', '.join(self.models)}")
        return self.models.index(model)

    def spec(self, signal: str) -> SignalSpec:
        """What is known of a signal's cost and source."""
        return self.specs.get(signal, SignalSpec())

    def cost_with(self, signal: str, key: Any = ...) -> Floats:
        """USD of a call that obtains the signal too, (n, m) or the part that `key` selects."""
        cost = self.cost_usd[key]
        if signal in self.extra_usd:
            return np.asarray(cost + self.extra_usd[signal][key])
        multiplier = self.spec(signal).multiplier
        return cost if multiplier is None else np.asarray(cost * multiplier)

    def with_specs(self, specs: Mapping[str, SignalSpec]) -> Log:
        """The log with these signal specs laid over its own, and columns they name as signals."""
        again = tuple(sample.with_specs(specs) for sample in self.again)
        asked = {name: self._asked(name) for name in specs if name not in self.signals}
        signals = {name: values for name, values in asked.items() if values is not None}
        taken = {*signals, *(column_of(name) for name in signals)}
        return replace(
            self,
            specs={**self.specs, **specs},
            signals={**self.signals, **signals},
            unasked={name: it for name, it in self.unasked.items() if name not in taken},
            again=again,
        )

    def _asked(self, signal: str) -> Floats | None:
        """Values of a signal that nobody asked for until now; None where there are none."""
        there = {**self.unasked, **self.signals}
        column = column_of(signal)
        if signal in there or column not in there:
            return there.get(signal)
        return np.asfortranarray(-there[column])

    def only(self, models: Sequence[str]) -> Log:
        """The outcomes of these models, in this order, on every request.

        Raises:
            LogError: the log lacks one of them.
        """
        columns = np.array([self.column(model) for model in models], dtype=np.intp)
        again = tuple(sample.only(models) for sample in self.again)
        seen = None if self.seen is None else self.seen.only(models)
        return replace(self._index((slice(None), columns), tuple(models)), again=again, seen=seen)

    def take(self, rows: Ints) -> Log:
        """These requests (k,), in this order."""
        texts = None if self.texts is None else _Taken(self.texts, rows)
        taken = self._index((rows,), self.models)
        again = tuple(sample.take(rows) for sample in self.again)
        seen = None if self.seen is None else self.seen.take(rows)
        return replace(
            taken, requests=self.requests.take(rows), texts=texts, again=again, seen=seen
        )

    def _index(self, key: tuple[Any, ...], models: tuple[str, ...]) -> Log:
        def pick(values: npt.NDArray[_T]) -> npt.NDArray[_T]:
            return np.asfortranarray(values[key])

        return replace(
            self,
            models=models,
            quality=pick(self.quality),
            cost_usd=pick(self.cost_usd),
            latency_s=pick(self.latency_s),
            prompt_tokens=pick(self.prompt_tokens),
            completion_tokens=pick(self.completion_tokens),
            error=pick(self.error),
            signals={name: pick(values) for name, values in self.signals.items()},
            extra_usd={name: pick(values) for name, values in self.extra_usd.items()},
            unasked={name: pick(values) for name, values in self.unasked.items()},
            token_parts={name: pick(values) for name, values in self.token_parts.items()},
        )


_DESCRIBING = (
    *("texts", "path", "specs", "catalogue", "notes", "reading", "reads", "again", "unasked"),
    "seen",
)


def arrays(log: Any) -> dict[str, Any]:
    """The arrays of a log by name, those of its requests and further samples included."""
    names = (it.name for it in fields(log) if it.name not in _DESCRIBING)  # not what is cached
    found = {name: getattr(log, name) for name in names}
    if not found.get("token_parts", True):  # logs without are what they were before there were any
        del found["token_parts"]
    if found.get("ended", 0) is None:  # likewise
        del found["ended"]
    again = {f"again {at}": arrays(it) for at, it in enumerate(getattr(log, "again", ()), 1)}
    return {**found, **again, "requests": vars(log.requests)}


@dataclass(frozen=True)
class _Taken:
    """Texts of some of the requests."""

    whole: Texts
    rows: Ints

    def messages(self, rows: Ints) -> list[tuple[Message, ...]]:
        return self.whole.messages(self.rows[rows])

    def prompts(self, rows: Ints) -> list[str]:
        return self.whole.prompts(self.rows[rows])

    def responses(self, rows: Ints, model: str) -> list[str | None]:
        return self.whole.responses(self.rows[rows], model)

    def prompt_keys(self) -> tuple[Strings, Ints]:
        keys, lengths = self.whole.prompt_keys()
        return keys[self.rows], lengths[self.rows]

    def opening_keys(self) -> Strings:
        return self.whole.opening_keys()[self.rows]

    def message_keys(self) -> Strings:
        return self.whole.message_keys()[self.rows]

    def kinds(self) -> frozenset[str]:
        return self.whole.kinds()

    def prompt_groups(self) -> Strings:
        return self.whole.prompt_groups()[self.rows]
