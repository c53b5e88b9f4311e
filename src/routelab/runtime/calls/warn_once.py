"""Warnings for operators, each thing once for the life of a router."""

from __future__ import annotations

import logging

from routelab.errors import visible

_log = logging.getLogger("routelab")


class WarnOnce:
    """Warns on the logger `routelab`, once for each model or deployment and what it lacks."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def __call__(self, model: str, lacking: str, message: str) -> None:
        if (model, lacking) not in self._told:
            self._told.add((model, lacking))
            _log.warning("%s", visible(message))
