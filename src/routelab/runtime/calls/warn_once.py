"""Warnings for operators, each thing once for the life of a router."""

from __future__ import annotations

import logging

from routelab.errors import visible

_log = logging.getLogger("routelab")


class WarnOnce:
    """Warns on the logger `routelab`, once for each model or deployment and what it lacks."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def __call__(self, model: str, lacking: str, message: str, *, loud: bool = False) -> None:
        """Warn, unless that was done.

        Args:
            model: or deployment.
            lacking: what it lacks, in a word or two.
            message: the warning.
            loud: as an error: nothing but an operator ends it, such as a key that is no good.
        """
        if (model, lacking) not in self._told:
            self._told.add((model, lacking))
            _log.log(logging.ERROR if loud else logging.WARNING, "%s", visible(message))
