"""The published layouts of other projects' logs, one a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.logs.importers.published import routellm, routerbench
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "routellm": "",
            "routerbench": "",
        },
    )

__all__ = [
    "routellm",
    "routerbench",
]
