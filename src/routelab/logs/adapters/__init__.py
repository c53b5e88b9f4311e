"""Logs from other projects' published layouts. Another is one file and a line in `ADAPTERS`."""

from routelab.logs.adapters import routellm, routerbench
from routelab.logs.adapters.adapter import Adapter, Imported
from routelab.logs.adapters.convert import convert

__all__ = ["ADAPTERS", "Adapter", "Imported", "convert"]

ADAPTERS: tuple[Adapter, ...] = (
    routellm.ADAPTER,
    routerbench.ADAPTER,
)
