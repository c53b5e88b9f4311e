"""Many requests at once, as a policy's batch form sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np

from routelab.core.draw import pick, uniform

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"
"""An array of float64; NaN is not observed, where a docstring does not say otherwise."""
Bools: TypeAlias = "npt.NDArray[np.bool_]"
"""An array of truth values."""
Ints: TypeAlias = "npt.NDArray[np.int64]"
"""An array of int64."""
_K = TypeVar("_K")
_V = TypeVar("_V")
_NONE: Mapping[Any, Any] = MappingProxyType({})


def objects(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    """(n,) the values as they are, also where they are sequences themselves."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


class Stage(NamedTuple):
    """Some requests ask one model, or go back to what it answered.

    Attributes:
        model: column of the model in the table.
        rows: (n,) which requests ask it.
        need: the confidence signal obtained and paid for, or None.
        more: further signals, where a policy needs several.
        again: nothing is asked; what the model answered in an earlier stage is delivered.
    """

    model: int
    rows: Bools
    need: str | None
    more: tuple[str, ...] = ()
    again: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Every signal obtained, in the order they are charged."""
        return () if self.need is None else (self.need, *self.more)


class AnswerQuery(NamedTuple):
    """A question to a scorer about the answers of one model.

    Attributes:
        scorer: its name.
        model: column of the model that answered.
        needs: the signals obtained with the answers.
    """

    scorer: str
    model: int
    needs: tuple[str, ...]


class LazyMapping(Mapping[_K, _V], Generic[_K, _V]):
    """A mapping whose values are made when they are first asked for."""

    def __init__(self, make: Callable[[_K], _V]) -> None:
        self._make = make
        self._made: dict[_K, _V] = {}

    def __getitem__(self, key: _K) -> _V:
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def __iter__(self) -> Iterator[_K]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


class Table(NamedTuple):
    """Aligned arrays over requests (n) and models (m).

    Attributes:
        ids: (n,) request ids, the keys of random draws.
        models: (m,) names of the columns.
        signals: name to (n, m) confidence; NaN is missing or failed, and escalates.
        allowed: (n, m) after capabilities; None when every model may serve every request.
        seed: of random draws.
        failed: (n, m) calls that gave no answer; None where the log does not say.
        scores: scorer to (n, k) predictions before any answer.
        after: to (n, k) predictions after an answer.
        outputs: scorer to what its k columns stand for.
        about: (n,) what else is known of the requests: task, tenant, priority, needs,
            characters and script.
    """

    ids: npt.NDArray[np.object_]
    models: tuple[str, ...]
    signals: Mapping[str, Floats]
    allowed: Bools | None = None
    seed: int = 0
    failed: Bools | None = None
    scores: Mapping[str, Floats] = _NONE
    after: Mapping[AnswerQuery, Floats] = _NONE
    outputs: Mapping[str, tuple[str, ...]] = _NONE
    about: Mapping[str, npt.NDArray[Any]] = _NONE

    def column(self, model: str) -> int:
        return self.models.index(model)

    def everyone(self) -> Bools:
        return np.ones(len(self.ids), dtype=np.bool_)

    def allows(self, model: str) -> Bools | None:
        """(n,) whether the model may serve each request; None for always."""
        return None if self.allowed is None else self.allowed[:, self.column(model)]

    def allows_any(self, models: Sequence[str]) -> Bools:
        """(n,) whether any of the models may serve each request."""
        if self.allowed is None:
            return np.full(len(self.ids), bool(models))
        columns = [self.column(model) for model in models]
        return np.asarray(self.allowed[:, columns].any(axis=1))

    def choose(self, name: str, probabilities: Sequence[float]) -> Ints:
        """(n,) the same draws as `Context.choose` makes one by one."""
        return np.array(
            [pick(uniform(self.seed, key, name), probabilities) for key in self.ids], dtype=np.int64
        )

    def predictions(self, name: str, asked: AnswerQuery | None = None) -> dict[str, Floats]:
        """What a scorer predicts, (n,) by output, before or after an answer."""
        values = self.scores[name] if asked is None else self.after[asked]
        return {output: values[:, index] for index, output in enumerate(self.outputs[name])}

    def block(self, start: int, stop: int) -> Table:
        """Requests start to stop as views."""
        return self._replace(
            ids=self.ids[start:stop],
            signals={name: values[start:stop] for name, values in self.signals.items()},
            allowed=None if self.allowed is None else self.allowed[start:stop],
            failed=None if self.failed is None else self.failed[start:stop],
            scores=LazyMapping(lambda name: self.scores[name][start:stop]),
            after=LazyMapping(lambda asked: self.after[asked][start:stop]),
            about=LazyMapping(lambda name: self.about[name][start:stop]),
        )
