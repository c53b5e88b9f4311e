"""Code of routelab that runs inside other programs, by the hooks that they offer."""

from __future__ import annotations

__all__: list[str] = []
