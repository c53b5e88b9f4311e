"""Redactions by name: those that come with routelab, entry points, and functions of modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from routelab.core.messages import unknown_name
from routelab.errors import ConfigError
from routelab.runtime.redaction.cards import redacted_cards
from routelab.runtime.redaction.patterns import redacted_mails, redacted_phones
from routelab.runtime.redaction.redactor import Redaction, Redactor

GROUP = "routelab.redactions"
"""The entry points of packages that bring redactions."""

DEFAULTS: Mapping[str, Redaction] = {
    "mail": redacted_mails,
    "card": redacted_cards,
    "phone": redacted_phones,
}
"""Those that come with routelab. Cards go before phones, which take fewer digits."""


def load_redactor(names: Sequence[str]) -> Redactor:
    """A redactor of these redactions; code of packages that are named is imported.

    Args:
        names: "mail", "card" and "phone", in whatever order; the name of an entry point of the
            group `routelab.redactions`; or `module:function`, a function from text to text.
    Raises:
        ConfigError: some name nothing, or nothing that can be called; all of them are named.
    """
    found: dict[str, Redaction] = {name: DEFAULTS[name] for name in DEFAULTS if name in names}
    problems: list[str] = []
    for name in names:
        if name in found:
            continue
        try:
            found[name] = _loaded(name)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return Redactor(found)


def _loaded(name: str) -> Redaction:
    try:
        redaction = _of_module(name) if ":" in name else _of_entry_point(name)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"redaction {name!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not callable(redaction):
        raise ConfigError(
            f"redaction {name!r} is a {type(redaction).__name__}: name a function from text to text"
        )
    return redaction  # type: ignore[no-any-return]


def _of_module(name: str) -> Any:
    module, _, path = name.partition(":")
    if not module or not path:
        raise ConfigError(f"redaction {name!r}: write module:function")
    redaction: Any = import_module(module)
    for part in path.split("."):
        redaction = getattr(redaction, part)
    return redaction


def _of_entry_point(name: str) -> Any:
    from importlib.metadata import entry_points  # slow, and rarely needed

    there = {it.name: it for it in entry_points(group=GROUP)}
    if name not in there:
        raise ConfigError(
            f"{unknown_name('redaction', name, [*DEFAULTS, *there])}; or write module:function"
        )
    return there[name].load()
