"""Many requests at once, as a policy's batch form sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core.draw import pick, uniform

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]


class Stage(NamedTuple):
    """Some requests ask one model.

    Attributes:
        model: column of the model in the table.
        rows: (n,) which requests ask it.
        need: the confidence signal obtained and paid for, or None.
    """

    model: int
    rows: Bools
    need: str | None


class Table(NamedTuple):
    """Aligned arrays over requests (n) and models (m).

    Attributes:
        ids: (n,) request ids, the keys of random draws.
        models: (m,) names of the columns.
        signals: name to (n, m) confidence; NaN is missing or failed, and escalates.
        allowed: (n, m) after capabilities; None when every model may serve every request.
        seed: of random draws.
    """

    ids: npt.NDArray[np.object_]
    models: tuple[str, ...]
    signals: Mapping[str, Floats]
    allowed: Bools | None = None
    seed: int = 0

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

    def block(self, start: int, stop: int) -> Table:
        """Requests start to stop as views."""
        return self._replace(
            ids=self.ids[start:stop],
            signals={name: values[start:stop] for name, values in self.signals.items()},
            allowed=None if self.allowed is None else self.allowed[start:stop],
        )
