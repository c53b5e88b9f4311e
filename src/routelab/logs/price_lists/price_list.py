"""A price list that was read: models by name, and what is said of those that it cannot price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from routelab.core.catalogue import Model
from routelab.core.messages import first, nearest
from routelab.errors import LogError

_SHOWN = 6
_ALIKE = 0.75


@dataclass(frozen=True)
class ListedPrices:
    """What a list says of one model.

    Attributes:
        model: with its prices, and its context window where the list has one.
        problems: what makes them unfit to charge, in sentences.
        notes: what the list says and is not read, in sentences.
    """

    model: Model
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PriceList:
    """The prices of a file.

    Attributes:
        source: the file's name.
        form: which of `FORMS` it is.
        names: of its models, in the order of the file.
        listed: what it says of one of them.
        matches: which of them another name may mean; the likeliest only.
    """

    source: str
    form: str
    names: tuple[str, ...]
    listed: Callable[[str], ListedPrices] = field(repr=False)
    matches: Callable[[str], Sequence[str]] = field(repr=False)

    def find(self, name: str) -> str | None:
        """The list's name of a model; None if it has none.

        A name with a candidate's parameters after `@` stands for its base where it is not listed.

        Raises:
            LogError: it may mean several, whose prices differ.
        """
        if name in self._known:
            return name
        found = self.matches(name)
        if len(found) > 1:
            kept = [self.listed(it).model for it in found]
            if any(it != kept[0] for it in kept):
                raise LogError(
                    f"{self.source}: {name!r} may be {first(list(found), _SHOWN)}, whose prices"
                    " differ; write the one that is meant"
                )
        if found:
            return found[0]
        base, at, _ = name.rpartition("@")
        return self.find(base) if at and base else None

    def models(self, names: Iterable[str]) -> dict[str, Model]:
        """The models that are listed, by the names asked for; others are left out.

        Raises:
            LogError: names that may mean several, and prices that nothing can cost; all of them.
        """
        found: dict[str, Model] = {}
        problems: list[str] = []
        for name in dict.fromkeys(names):
            try:
                known = self.find(name)
            except LogError as error:
                problems += error.problems
                continue
            if known is None:
                continue
            listed = self.listed(known)
            problems += [f"{self.source}: {known}: {it}" for it in listed.problems]
            found[name] = listed.model
        if problems:
            raise LogError(*dict.fromkeys(problems))
        return found

    def all(self) -> dict[str, Model]:
        """Every model of the list.

        Raises:
            LogError: prices that nothing can cost, all of them.
        """
        return self.models(self.names)

    def unknown(self, names: Iterable[str]) -> tuple[str, ...]:
        """A sentence for every name that the list has no prices of.

        Args:
            names: of models; of those that may mean several `models` says so.
        """
        return tuple(
            f"{self.source}: no price of {name!r}{self._hint(name)}"
            for name in dict.fromkeys(names)
            if not self._has(name)
        )

    def _has(self, name: str) -> bool:
        try:
            return self.find(name) is not None
        except LogError:
            return True

    def _hint(self, name: str) -> str:
        near = nearest(name, self.names, _ALIKE)
        return f"; the nearest name is {near!r}" if near else ""

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)


def of_models(source: str, form: str, models: Mapping[str, Model]) -> PriceList:
    """A list of models whose prices are known to be good."""
    return PriceList(source, form, tuple(models), lambda it: ListedPrices(models[it]), lambda _: ())
