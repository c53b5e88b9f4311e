"""Now and then ask another model, to learn what it would have done."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from routelab.core import (
    Call,
    Child,
    Context,
    Deliver,
    Ints,
    Policy,
    Route,
    Stage,
    Table,
    ask,
    pick,
    uniform,
)
from routelab.core.messages import listed
from routelab.errors import PolicyError
from routelab.policies.wording import within


class Explore(Policy, frozen=True, tag="explore"):
    """Follow `policy`, but with probability `epsilon` ask a model drawn evenly from its models.

    Only the first call is drawn. Where the draw falls on the model that the policy would have
    asked first, the policy goes on as it would have; any other model's answer is delivered.
    The logged choice is among the allowed models, and the propensity of the first call its exact
    probability, whatever the policy itself drew before.

    Attributes:
        policy: followed otherwise.
        epsilon: in (0, 1].
        name: of the draw; nested explorations need different names to be independent.
    """

    policy: Child
    epsilon: float
    name: str = "explore"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and 0.0 < self.epsilon <= 1.0):
            raise PolicyError(
                f"epsilon of the exploration is {self.epsilon}; it must lie in (0, 1] (leave the"
                " exploration out instead of never exploring)"
            )

    def route(self, x: Context) -> Route:
        models = x.left(self.models_used)
        following = self.policy.route(x)
        try:
            first = next(following)
            if isinstance(first, Call):
                chances = self._chances(len(models), models.index(first.model))
                drawn = models[x.choose(self.name, chances, all_differ=True)]
                if drawn != first.model:
                    x.take_threshold()
                    return Deliver((yield from ask(Call(drawn, final=True))))
            answer = yield first
            while True:
                answer = yield following.send(answer)
        except StopIteration as stop:
            deliver: Deliver = stop.value
            return deliver
        finally:
            following.close()

    def _chances(self, count: int, first: int) -> Sequence[float]:
        """Probability of asking each of the allowed models first."""
        chances = [self.epsilon / count] * count
        chances[first] += 1.0 - self.epsilon
        return chances

    def replay_batch(self, table: Table) -> list[Stage] | None:
        stages = self.policy.replay_batch(table)
        if stages is None:
            return None
        first = _first(stages, len(table.ids))
        drawn = self._drawn(table, first)
        other = drawn != first
        columns = [table.column(name) for name in self.models_used]
        return [stage._replace(rows=stage.rows & ~other) for stage in stages] + [
            Stage(column, other & (drawn == column), None) for column in columns
        ]

    def _drawn(self, table: Table, first: Ints) -> Ints:
        """(n,) column of the model asked first; -1 where the policy asks none."""
        columns = np.array([table.column(name) for name in self.models_used])
        drawn = first.copy()
        for row in np.flatnonzero(first >= 0):
            allowed = columns if table.allowed is None else columns[table.allowed[row, columns]]
            chances = self._chances(len(allowed), int(np.flatnonzero(allowed == first[row])[0]))
            drawn[row] = allowed[pick(uniform(table.seed, table.ids[row], self.name), chances)]
        return drawn

    @property
    def explained(self) -> tuple[str, ...]:
        drawn = f"Of {self.epsilon:.1%} of the requests, drawn at random, ask one of"
        return (
            f"{drawn} {listed(self.models_used)}, all with the same chance, to learn from it.",
            within("Of the others", self.policy.explained),
        )

    @property
    def parts(self) -> tuple[Policy, ...]:
        return (self.policy,)


def _first(stages: Sequence[Stage], n: int) -> Ints:
    """(n,) column of the first model asked; -1 for none."""
    first = np.full(n, -1, dtype=np.int64)
    for stage in reversed(stages):
        first[stage.rows] = stage.model
    return first
