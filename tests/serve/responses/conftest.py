"""A gateway before a provider whose answers tests set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from responses_world import Provider, before_a_provider
from serve_world import Running


@pytest.fixture(scope="session")
def asked_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Provider]]:
    with before_a_provider(tmp_path_factory.mktemp("responses")) as made:
        yield made


@pytest.fixture
def provider(asked_world: tuple[Running, Provider]) -> Iterator[Provider]:
    _, provider = asked_world
    provider.reset()
    yield provider
    provider.reset()


@pytest.fixture
def before(asked_world: tuple[Running, Provider]) -> Running:
    """The gateway before the provider."""
    return asked_world[0]
