from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tracking_world import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server; a test that kills it starts it again."""
    served = Server(tmp_path_factory.mktemp("mlflow"))
    served.start()
    yield served
    served.kill()


@pytest.fixture
def tracked(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """The server as the place that commands record at, from an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return server
