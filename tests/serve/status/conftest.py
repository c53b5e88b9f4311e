"""One gateway with traffic for all tests of its status that do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from status_world import Busy, busy

from routelab.logs import Log


@pytest.fixture(scope="session")
def busy_gateway(sample_log: Log, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    with busy(sample_log, tmp_path_factory.mktemp("status")) as made:
        yield made
