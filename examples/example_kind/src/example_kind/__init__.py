"""A kind of policy: long prompts go to the strong model."""

from __future__ import annotations

from routelab.core import Call, Context, Deliver, Policy, Route, Stage, Table, ask
from routelab.errors import PolicyError
from routelab.signals.features import text_of

__all__ = ["ByLength"]


class ByLength(Policy, frozen=True, tag="by-length"):
    """Ask `strong` where the prompt has `characters` or more, else `weak`.

    Where one of them is ruled out, the other serves.
    """

    weak: str
    strong: str
    characters: int

    def __post_init__(self) -> None:
        if self.weak == self.strong:
            raise PolicyError(f"by-length: weak and strong are both {self.weak!r}; name two models")
        if self.characters < 1:
            raise PolicyError(f"by-length: characters is {self.characters}; it is 1 or more")

    def route(self, x: Context) -> Route:
        left, length = x.left(self.models_used), len(text_of(x.request))
        chosen = self.strong if length >= self.characters else self.weak
        model = chosen if chosen in left else left[0]
        x.near(length - self.characters + 0.5)
        x.because("the prompt has {} characters: {}".format, length, model)
        return Deliver((yield from ask(Call(model, final=True))))

    def replay_batch(self, table: Table) -> list[Stage]:
        long = table.about["characters"] >= self.characters
        weak, strong = (table.allows_any((model,)) for model in self.models_used)
        return [
            Stage(table.column(self.weak), weak & ~(long & strong), None),
            Stage(table.column(self.strong), strong & (long | ~weak), None),
        ]

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.weak, self.strong

    @property
    def reads_text(self) -> bool:
        return True

    @property
    def explained(self) -> tuple[str, ...]:
        return (
            f"Prompts of {self.characters:,} characters or more go to {self.strong}, shorter ones"
            f" to {self.weak}.",
        )
