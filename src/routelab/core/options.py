"""Options in one value: a misspelt name is told with the one that was likely meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Self

from routelab.core.messages import nearest, unknown_name
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
            else _unknown(call, name, tuple(own), elsewhere)
            for name in given
        )
    )


def _unknown(call: str, name: str, own: Iterable[str], elsewhere: Mapping[str, str]) -> str:
    """A keyword that is nowhere: first what the call takes itself, then what its options hold."""
    near = nearest(name, (*own, *elsewhere))
    meant = "" if near is None else f"; write {elsewhere.get(near, repr(near))}"
    fields: dict[str, list[str]] = {}
    for field, form in elsewhere.items():
        options = form.removesuffix(f"({field}=...))").removesuffix(f"({field}=...)")
        fields.setdefault(re.split(r"\W", options)[-1], []).append(field)
    held = (f"; fields of {options}: {', '.join(names)}" for options, names in fields.items())
    return f"{call}: no argument {name!r}{meant}; it has {', '.join(own)}{''.join(held)}"
