"""Policies in turn, until one has an answer."""

from __future__ import annotations

from routelab.core import Child, Context, Policy, Route
from routelab.errors import NoModelError, PolicyError
from routelab.policies.wording import within


class Fallback(Policy, frozen=True, tag="fallback"):
    """Follow the first policy; if what it would deliver failed, or was refused, the next one.

    A policy whose models are all ruled out is passed over. If the last one fails too, the best
    earlier answer is delivered, if there is one.

    Attributes:
        policies: two or more, in the order they are tried.
    """

    policies: tuple[Child, ...]

    def __post_init__(self) -> None:
        if len(self.policies) < 2:
            raise PolicyError(f"a fallback needs 2 policies or more, got {len(self.policies)}")

    def route(self, x: Context) -> Route:
        for policy in self.policies[:-1]:
            try:
                deliver = yield from policy.route(x)
            except NoModelError:
                continue
            if deliver.seen.accepted:
                return deliver
        return (yield from self.policies[-1].route(x))

    @property
    def explained(self) -> tuple[str, ...]:
        first, *later = self.policies
        return (
            within("At first", first.explained),
            *(within("If that fails or is refused", policy.explained) for policy in later),
        )

    @property
    def parts(self) -> tuple[Policy, ...]:
        return self.policies
