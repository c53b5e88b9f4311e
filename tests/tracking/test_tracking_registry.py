"""The registry where nothing was registered yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from routelab.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture(params=[None, "sqlite:///elsewhere.db"])
def nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An empty working directory, and a store that would be a file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    if request.param is None:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", request.param)
    return tmp_path


def test_a_list_is_empty_and_makes_no_store(nothing: Path, capsys: Captured) -> None:
    assert main(["registry", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["registry", "list"]) == 0
    assert "no policy is registered at sqlite:///" in capsys.readouterr().out
    assert list(nothing.iterdir()) == []


@pytest.mark.parametrize(
    "command", [("list", "gym"), ("promote", "gym"), ("fetch", "gym", "--out", "gym.policy")]
)
def test_a_policy_is_not_looked_for_where_there_is_no_store(
    nothing: Path, capsys: Captured, command: tuple[str, ...]
) -> None:
    assert main(["registry", *command]) == 2
    said = capsys.readouterr().err
    assert "no registry at sqlite:///" in said
    assert "MLFLOW_TRACKING_URI" in said
    assert list(nothing.iterdir()) == []
