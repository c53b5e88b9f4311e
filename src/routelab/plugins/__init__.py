"""Code of routelab that runs inside other programs, by the hooks that they offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.plugins import litellm
else:
    __getattr__, __dir__ = attach(__name__, {"litellm": ""})

__all__ = ["litellm"]
