"""Options in one value: a misspelt name is told with the one that was likely meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Self

from routelab.core.messages import unknown_name
from routelab.errors import ConfigError

if TYPE_CHECKING:
    from dataclasses import Field
    from typing import Any, ClassVar


class KeywordOptions:
    """Base of frozen, keyword-only dataclasses that users fill in by name.

    Raises:
        ConfigError: a name given is no field; every such name is told.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __new__(cls, **given: object) -> Self:
        names = cls.names()
        if unknown := [name for name in given if name not in names]:
            raise ConfigError(
                *(unknown_name(f"field of {cls.__name__}", it, names) for it in unknown)
            )
        return super().__new__(cls)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(cls.__dataclass_fields__)


def misplaced(
    call: str, given: Iterable[str], own: Iterable[str], elsewhere: Mapping[str, str]
) -> ConfigError:
    """Keyword arguments that a call does not have, each with the way out.

    Args:
        call: the function or class, as users write it.
        given: the keywords.
        own: arguments that it does have.
        elsewhere: how to write the fields of its options, by name.
    """
    return ConfigError(
        *(
            f"{call} has no argument {name!r} of its own: write {elsewhere[name]}"
            if name in elsewhere
            else f"{call}: {unknown_name('argument', name, (*own, *elsewhere))}"
            for name in given
        )
    )
