"""Options that belong together: a group a class, whose fields are options of a command."""

from __future__ import annotations

from routelab.cli.options.groups import group, grouped

__all__ = ["group", "grouped"]
