"""Logs from other projects' published layouts. Another is one file and a line in `ADAPTERS`.

Other packages bring importers by entry points of the group `routelab.importers`.
"""

from routelab.core.registry import Registry
from routelab.logs.adapters import routellm, routerbench
from routelab.logs.adapters.adapter import Adapter, Imported
from routelab.logs.adapters.convert import convert

__all__ = ["ADAPTERS", "REGISTRY", "Adapter", "Imported", "convert"]

ADAPTERS: tuple[Adapter, ...] = (
    routellm.ADAPTER,
    routerbench.ADAPTER,
)


def _lacks(name: str, it: object) -> str | None:
    if not isinstance(it, Adapter):
        return "is no routelab.logs.adapters.Adapter"
    return None if it.name == name else f"is named {it.name!r}; name it {name!r}"


REGISTRY: Registry[Adapter] = Registry(
    "routelab.importers", "importer", {it.name: it for it in ADAPTERS}, _lacks
)
"""All importers, with those of packages that were named."""
