"""Requests that several scorers are fitted on, read once."""

from __future__ import annotations

from routelab.core import Request
from routelab.learning.design import SharedMatrices
from routelab.learning.examples import requests_of
from routelab.logs.model import Log


class SharedRequests:
    """The requests of one part of a log, and what fits of several scorers make of them.

    Attributes:
        matrices: of their features, by what made them.
    """

    def __init__(self) -> None:
        self.matrices: SharedMatrices = {}
        self._requests: tuple[Request, ...] | None = None

    def of(self, log_part: Log) -> tuple[Request, ...]:
        """The requests of this part, which is the same at every fit.

        Args:
            log_part: (n, m) outcomes.
        """
        if self._requests is None:
            self._requests = requests_of(log_part)
        return self._requests
