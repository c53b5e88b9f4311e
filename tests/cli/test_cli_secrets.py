"""Keys and passwords stay out of all that commands print, and of all they write."""

from __future__ import annotations

import base64

import pytest
from cli_world import rows_of, save

KEY, PASSWORD = "sk-s3cret-0123", "open-sesame"
SECRETS = (
    KEY, "s3cret", PASSWORD, base64.b64encode(f"user:{PASSWORD}".encode()).decode()
)  # fmt: skip
MODELS = """
[models.small]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 2.0
[[models.small.deployments]]
base_url = "http://127.0.0.1:9/v1"
model = "keyed"
api_key_env = "CLI_SECRET_KEY"

[models.large]
input_usd_per_mtok = 10.0
output_usd_per_mtok = 20.0
deployments = [{ base_url = "http://127.0.0.1:9/v1", model = "l" }]
"""
HELD = (
    f"http://user:{PASSWORD}@127.0.0.1:9/v1",
    f"http://127.0.0.1:9/v1?api_key={PASSWORD}",
    f"http://127.0.0.1:9/v1?x=1&token={PASSWORD}#frag",
)
"""Addresses with credentials, which are refused wherever they stand."""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A log, and a catalogue of endpoints that are away, with a key and passwords."""
    monkeypatch.setenv("CLI_SECRET_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    rows = [{**row, "latency_s": 0.4, "completion_tokens": 20} for row in rows_of()]
    (tmp_path / "models.toml").write_text(MODELS, encoding="utf-8")
    return save(tmp_path / "log.csv", rows)


def test_no_command_tells_a_secret(run, world, tmp_path):
    said = []

    def told(status, *arguments):
        done = run(*arguments)
        assert done.status == status, done.err
        said.extend([done.out, done.err])
        return done

    tune = ("tune", world, "--signal", "sure:1", "--policy", "cascade")
    told(0, *tune, "--catalogue", "models.toml", "--out", "p.policy", "--trials", 4, "--json")
    told(0, "inspect", "p.policy")
    assert "127.0.0.1:9" in told(0, "inspect", "p.policy", "--json").out
    told(0, "replay", "p.policy", "--log", world, "--json")
    told(2, "route", "p.policy", "hello")
    told(2, "route", "p.policy", "hello", "--catalogue", "models.toml")
    for address in HELD:
        told(2, "route", "p.policy", "hello", "--base-url", address)
        held = tmp_path / "held.toml"
        held.write_text(MODELS.replace("http://127.0.0.1:9/v1", address), encoding="utf-8")
        told(2, "route", "p.policy", "hello", "--catalogue", held)
        told(2, *tune, "--catalogue", held, "--out", "q.policy", "--trials", 4)
    storage = f"postgresql+nodriver://user:{PASSWORD}@127.0.0.1:9/studies"
    told(2, *tune, "--out", "q.policy", "--trials", 4, "--storage", storage)
    told(2, "route", "p.policy", "hello", "--base-url", f"ftp://user:{PASSWORD}@127.0.0.1:9/v1")
    day = ("simulate", "p.policy", "--log", world, "--requests", 100)
    told(0, *day, "--events", "day.jsonl", "--json", "--report", "day.html")
    scenario = tmp_path / "bad.toml"
    at = f"http://user:{PASSWORD}@127.0.0.1:9/v2"
    fault = f"kind = 'outage'\nfrom_s = 0\nto_s = 9\ndeployment = '{at}'\n"
    scenario.write_text(f"[[faults]]\n{fault}", encoding="utf-8")
    told(2, *day, "--faults", scenario)
    written = {
        path.relative_to(tmp_path): path.read_bytes().decode(errors="replace")
        for path in tmp_path.rglob("*")
        if path.is_file() and path not in (tmp_path / "held.toml", scenario)
    }
    holders = {str(path) for path, text in written.items() if any(it in text for it in SECRETS)}
    assert not holders
    assert any(str(path).endswith(".html") for path in written)
    assert not [text for text in said if any(it in text for it in SECRETS)]
