"""A policy for each sort of request."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import msgspec
import numpy as np

from routelab.core import Bools, Child, Context, Policy, Request, Route, Stage, Table
from routelab.errors import PolicyError
from routelab.policies.match import Match
from routelab.policies.wording import within


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests that fulfil `when` follow `policy`."""

    when: Match
    policy: Child


class Conditional(Policy, frozen=True, tag="conditional"):
    """Follow the policy of the first rule that holds, or `otherwise`.

    A request stays with its rule: where that rule's models are all ruled out there is an
    error and no other rule is tried, since a rule may say where a request must not go.

    Attributes:
        rules: in the order they are tried; at least one.
    """

    rules: tuple[Rule, ...]
    otherwise: Child

    def __post_init__(self) -> None:
        problems = []
        if not self.rules:
            problems.append("a conditional needs a rule or more; use its `otherwise` alone")
        begun: dict[Match, int] = {}
        problems += [
            f"rule {index} of the conditional has the condition of rule {begun[rule.when]}, so"
            " nothing reaches it"
            for index, rule in enumerate(self.rules)
            if begun.setdefault(rule.when, index) < index
        ]
        if problems:
            raise PolicyError(*problems)

    def route(self, x: Context) -> Route:
        for number, rule in enumerate(self.rules, 1):
            if rule.when.holds(x.request):
                x.because(_reason, number, rule)
                return (yield from rule.policy.route(x))
        x.because(str, "no rule holds, and `otherwise` decides")
        return (yield from self.otherwise.route(x))

    def replay_batch(self, table: Table) -> list[Stage] | None:
        found: list[Stage] = []
        waiting = table.everyone()
        for rule, holds in zip(self.rules, self._rows(table), strict=True):
            here = waiting & holds
            stages = rule.policy.replay_batch(table)
            if stages is None:
                return None
            found += [stage._replace(rows=stage.rows & here) for stage in stages]
            waiting = waiting & ~here
        rest = self.otherwise.replay_batch(table)
        if rest is None:
            return None
        return found + [stage._replace(rows=stage.rows & waiting) for stage in rest]

    def _rows(self, table: Table) -> Iterator[Bools]:
        """(n,) of each rule, where it holds; where several do, only the first one matters."""
        column, values = self._by_value
        if column is None:
            yield from (rule.when.rows(table) for rule in self.rules)
            return
        # One look-up a request, where a pass for each rule would ask every one of them.
        first = np.fromiter(
            map(values.get, table.about[column], repeat(-1)), np.int64, len(table.ids)
        )
        yield from (first == index for index in range(len(self.rules)))

    @property
    def _by_value(self) -> tuple[str | None, dict[str, int]]:
        """The one column that all rules look at, and by its values the first rule that holds.

        No column where rules look at anything else.
        """
        columns = {rule.when.only_column for rule in self.rules}
        column = columns.pop() if len(columns) == 1 else None
        values: dict[str, int] = {}
        if column is not None:
            for index, rule in enumerate(self.rules):
                for value in getattr(rule.when, column):
                    values.setdefault(value, index)
        return column, values

    @property
    def explained(self) -> tuple[str, ...]:
        return (
            *(within(f"Where {rule.when.explained}", rule.policy.explained) for rule in self.rules),
            within("Elsewhere", self.otherwise.explained),
        )

    @property
    def parts(self) -> tuple[Policy, ...]:
        return (*(rule.policy for rule in self.rules), self.otherwise)

    @property
    def reads_text(self) -> bool:
        return any(rule.when.reads_text for rule in self.rules) or super().reads_text

    @property
    def metadata_used(self) -> frozenset[str]:
        own = (rule.when.metadata_used for rule in self.rules)
        return super().metadata_used.union(*own)

    @property
    def probes(self) -> tuple[Request, ...]:
        return tuple(rule.when.probe() for rule in self.rules) + super().probes


def _reason(number: int, rule: Rule) -> str:
    return f"rule {number} holds: {rule.when.explained}"
