"""Commands that take groups of options, for a library that takes one parameter an option."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_type_hints

from typer.models import OptionInfo

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, eq_default=False)
def group(panel: str) -> Callable[[type[_T]], type[_T]]:
    """Make a group of options of a class whose fields are annotated as options.

    Args:
        panel: what heads them in the help.
    """

    def made(kind: type[_T]) -> type[_T]:
        kind.panel = panel  # type: ignore[attr-defined]  # a class may carry more than it says
        return dataclass(frozen=True, eq=False, repr=False)(kind)  # each costs start-up time

    return made


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every field of its groups.

    It is called with its groups made. The order of parameters, and of fields in a group, is that
    of the help.

    Raises:
        ValueError: two groups have a field of the same name.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)
    }
    parameters = [
        parameter
        for given in signature(command).parameters.values()
        for parameter in (
            _options(groups[given.name])
            if given.name in groups
            else (given.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[given.name]),)
        )
    ]

    @wraps(command)
    def flat(**given: Any) -> None:
        made = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        command(**given, **made)

    flat.__annotations__ = {it.name: it.annotation for it in parameters}
    vars(flat)["__signature__"] = Signature(parameters)  # which typer asks for the options
    return flat


@cache
def _options(kind: Any) -> tuple[Parameter, ...]:
    """A parameter for each field, under the heading of the group."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in fields(kind):
        value, option = get_args(hints[field.name])
        shown: OptionInfo = copy(option)
        shown.rich_help_panel = kind.panel
        found.append(
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if field.default is MISSING else field.default,
                annotation=Annotated[value, shown],
            )
        )
    return tuple(found)
