"""Commands for the tests beside it."""

from __future__ import annotations

import pytest
from cli_world import Commands


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch) -> Commands:
    """Runs a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Commands(capsys)
