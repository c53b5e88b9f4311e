"""One model for every request."""

from __future__ import annotations

from routelab.core import Call, Context, Deliver, Policy, Route, Stage, Table, ask


class Fixed(Policy, frozen=True, tag="fixed"):
    """Always ask `model`: the baseline that every router has to beat."""

    model: str

    def route(self, x: Context) -> Route:
        return Deliver((yield from ask(Call(x.last((self.model,)), final=True))))

    def replay_batch(self, table: Table) -> list[Stage]:
        allowed = table.allows(self.model)
        rows = table.everyone() if allowed is None else allowed
        return [Stage(table.column(self.model), rows, None)]

    @property
    def by_chance(self) -> bool:
        return True

    @property
    def explained(self) -> tuple[str, ...]:
        return (f"Send every request to {self.model}.",)

    @property
    def models_used(self) -> tuple[str, ...]:
        return (self.model,)
