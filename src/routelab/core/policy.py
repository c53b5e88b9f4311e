"""What every kind of policy is: a frozen value with one generator."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

import msgspec

from routelab.core.context import Context
from routelab.core.gate import Gate
from routelab.core.messages import notebook_html, one_line
from routelab.core.protocol import Route
from routelab.core.request import Request
from routelab.core.scoring import ScorerUse
from routelab.core.table import Stage, Table


class Policy(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A routing rule as data. `route` defines it; `replay_batch` may say the same faster."""

    def route(self, x: Context) -> Route:
        """Yield calls, receive feedback, return what to deliver.

        Raises:
            TypeError: the kind does not define it.
            NoModelError: every model is ruled out.
        """
        raise TypeError(f"{type(self).__name__} does not define route")

    def replay_batch(self, table: Table) -> list[Stage] | None:
        """The same decisions for many requests, as stages in call order.

        A request's answer is that of the last stage it takes part in, which may go back to
        an earlier answer. None means that the kind has no batch form and the generator is run
        request by request.
        """
        return None

    @property
    def parts(self) -> tuple[Policy, ...]:
        """Policies inside this one; what they use, it uses."""
        return ()

    @property
    def models_used(self) -> tuple[str, ...]:
        """Every model the policy can call, in the order first mentioned."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.models_used))

    @property
    def signals_used(self) -> tuple[str, ...]:
        """Every confidence signal the policy can ask for."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.signals_used))

    @property
    def thresholds_used(self) -> tuple[tuple[str, float], ...]:
        """Every signal and threshold that answers are kept by: those that reach it."""
        return tuple(dict.fromkeys(it for part in self.parts for it in part.thresholds_used))

    @property
    def scorer_uses(self) -> tuple[ScorerUse, ...]:
        """Every scorer the policy asks, and what it expects of it."""
        return tuple(dict.fromkeys(use for part in self.parts for use in part.scorer_uses))

    @property
    def gates_used(self) -> tuple[Gate, ...]:
        """Every gate that answers must pass."""
        return tuple(gate for part in self.parts for gate in part.gates_used)

    @property
    def scorers_used(self) -> tuple[str, ...]:
        """Names of every scorer the policy asks, in the order first mentioned."""
        return tuple(dict.fromkeys(use.name for use in self.scorer_uses))

    @property
    def reads_text(self) -> bool:
        """Whether the policy itself, apart from its scorers, looks at the prompt."""
        return any(part.reads_text for part in self.parts)

    @property
    def metadata_used(self) -> frozenset[str]:
        """Which of a request's "task", "tenant" and "priority" matter, apart from scorers."""
        return frozenset[str]().union(*(part.metadata_used for part in self.parts))

    @property
    def reads_answers(self) -> bool:
        """Whether the policy itself, apart from its gates, looks at the text of answers."""
        return any(part.reads_answers for part in self.parts)

    @property
    def probes(self) -> tuple[Request, ...]:
        """Requests that the policy tells apart by their metadata, to try it on."""
        return tuple(probe for part in self.parts for probe in part.probes)

    @property
    def explained(self) -> tuple[str, ...]:
        """What the policy does with its numbers, in a few plain sentences."""
        raise TypeError(f"{type(self).__name__} does not define explained")

    @property
    def by_chance(self) -> bool:
        """Whether nothing but chance tells requests apart, as in a mixture of single models.

        What is reached so at best is the zero router.
        """
        return False

    def __repr__(self) -> str:
        return one_line(super().__repr__())

    def _repr_html_(self) -> str:
        """For notebooks."""
        return notebook_html.html_fields(type(self).__name__, msgspec.to_builtins(self))


if TYPE_CHECKING:
    Child = Policy
else:

    class Child(ABC):  # noqa: B024  (msgspec hands a field of this type to the registry)
        """A policy inside a policy: decoded by its `kind`, whatever kinds there are."""

    Child.register(Policy)
