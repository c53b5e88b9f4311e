"""What tests of the gateway share: policies over a replay server of the embedded log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from queue_entries import close_queues
from serve_world import Running, World, replayed, running

from routelab.logs import Log
from routelab.serve import GrpcRules, ServeConfig


@pytest.fixture(scope="session")
def world(sample_log: Log, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with replayed(sample_log, tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(scope="session")
def gateway(world: World) -> Iterator[Running]:
    """All three policies, and nothing configured but gRPC."""
    config = ServeConfig(grpc=GrpcRules(port=0))
    with running(list(world.policies.values()), world.catalogue, config) as found:
        yield found
        close_queues(found)
