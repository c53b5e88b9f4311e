"""Names of a package that are imported when somebody asks for them, and not before.

A package's `__init__` lists where its names live; importing the package then costs nothing but
what is used of it:

    from typing import TYPE_CHECKING

    from routelab.lazy import attach

    if TYPE_CHECKING:  # for type checkers and editors
        from routelab.runtime.router import AsyncRouter
    else:  # unseen by type checkers, for which a package with `__getattr__` has every name
        __getattr__, __dir__ = attach(__name__, {"AsyncRouter": "router"})

    __all__ = ["AsyncRouter"]

Source: PEP 562; the listing of names as in `lazy_loader` (Scientific Python, SPEC 1).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def attach(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """What a package's `__getattr__` and `__dir__` are to be.

    A name is imported once; from then on it is an ordinary attribute.

    Args:
        package: the package's `__name__`.
        homes: for each name the module of the package that defines it, "" where the name is
            itself a module of the package.
    Raises:
        ValueError: a module defines its own name. Importing that module anywhere would put it in
            the place of what it defines, so such a name has to be imported at once.
    """
    if shadowed := sorted(it for it, home in homes.items() if it == home.partition(".")[0]):
        raise ValueError(
            f"{package}: {', '.join(shadowed)} would be hidden by the module of that name, once it"
            " is imported; import it in __init__ at once, or rename the module"
        )

    def getattr_(name: str) -> Any:
        if name not in homes:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=here()
            )
        home = homes[name]
        try:
            module = import_module(f"{package}.{home or name}")
        except ModuleNotFoundError as error:
            if error.name is not None and not error.name.startswith("routelab"):
                error.add_note(
                    f"{package}.{name} needs it, which the base install of routelab lacks and its"
                    " lab extra brings"
                )
            raise
        if not home:
            return module  # which its import made an attribute
        value = getattr(module, name)
        setattr(here(), name, value)
        return value

    def dir_() -> list[str]:
        """What the package offers; not what its `__init__` needed for that."""
        found = vars(here())
        offered = {*homes, *found.get("__all__", ())}
        return sorted(
            offered
            | {
                name
                for name, value in found.items()
                if name.startswith("__")
                or (isinstance(value, ModuleType) and value.__name__ == f"{package}.{name}")
            }
        )

    def here() -> Any:
        return sys.modules[package]

    return getattr_, dir_
