"""Logs from other projects' published layouts. Another is one file and a line in `IMPORTERS`.

Other packages bring importers by entry points of the group `routelab.importers`.
"""

from routelab.core import Registry
from routelab.logs.importers.convert import convert
from routelab.logs.importers.importer import ImportedRows, Importer
from routelab.logs.importers.published import routellm, routerbench

__all__ = [
    "IMPORTERS",
    "REGISTRY",
    "ImportedRows",
    "Importer",
    "convert",
]

IMPORTERS: tuple[Importer, ...] = (
    routellm.IMPORTER,
    routerbench.IMPORTER,
)
"""All importers of routelab itself."""


def _lacks(name: str, it: object) -> str | None:
    if not isinstance(it, Importer):
        return "is no routelab.logs.importers.Importer"
    return None if it.name == name else f"is named {it.name!r}; name it {name!r}"


REGISTRY: Registry[Importer] = Registry(
    "routelab.importers", "importer", {it.name: it for it in IMPORTERS}, _lacks
)
"""All importers, with those of packages that were named."""
