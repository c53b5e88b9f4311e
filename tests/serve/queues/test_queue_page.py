"""The page about queues: its settings are read, and its first answers come."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from brokers_world import own_broker

from routelab.serve import read_config

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "queues.md").read_text(encoding="utf-8")
TOML = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
(PYTHON,) = re.findall(r"^```py\n(.*?)^```$", PAGE, re.M | re.S)
REDIS = re.findall(r"^redis-cli .*$", PAGE, re.M)
DELIVERY = (PROJECT / "docs" / "delivery.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("settings", [*TOML, *re.findall(r"^```toml\n(.*?)^```$", DELIVERY,
                                                         re.M | re.S)])  # fmt: skip
def test_the_settings_of_the_pages_are_read(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("NATS_URL", "nats://name:password@127.0.0.1:4222")
    monkeypatch.setenv("CRM_SECRET", "whsec_" + "QUJD" * 8)
    (tmp_path / "serve.toml").write_text(settings, encoding="utf-8")
    config = read_config(tmp_path / "serve.toml")
    if config.queue or config.delivery.rule:
        assert config.delivery.log == str(tmp_path / "deliveries.sqlite")
    else:
        assert config.redaction.deliver


@contextmanager
def demo(folder, settings):
    """`routelab serve --demo` with settings, and the body that it says to send."""
    (folder / "serve.toml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-c", "from routelab.cli import main; raise SystemExit(main())"]
    words = ["serve", "--demo", "--config", str(folder / "serve.toml"), "--port", "0"]
    errors = folder / "errors"
    with errors.open("wb") as told:
        process = subprocess.Popen(
            [*command, *words], stderr=told,
            env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
        )  # fmt: skip
    try:
        until_s = time.monotonic() + 120.0
        while "queue open" not in (said := errors.read_text()) or "send one" not in said:
            assert process.poll() is None, said
            assert time.monotonic() < until_s, said
            time.sleep(0.05)
        (line,) = (it for it in said.splitlines() if it.startswith("send one: "))
        line = shlex.split(line.removeprefix("send one: "))
        yield line[line.index("-d") + 1]
    finally:
        process.terminate()
        process.wait(60.0)


def test_the_first_answer_over_redis(tmp_path):
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed")
    with own_broker("redis", tmp_path / "broker") as broker:
        settings = TOML[0].replace("redis://127.0.0.1:6379", broker.url)
        port = broker.url.rpartition(":")[2]
        with demo(tmp_path, settings) as body:
            put, read = (it.replace("redis-cli", f"redis-cli -p {port}") for it in REDIS)
            environment = {**os.environ, "BODY": body}
            subprocess.run(["bash", "-c", put], check=True, env=environment, timeout=60)
            until_s = time.monotonic() + 60.0
            while '"chat.completion"' not in (
                said := subprocess.run(
                    ["bash", "-c", read], check=True, capture_output=True, text=True, timeout=60
                ).stdout
            ):
                assert time.monotonic() < until_s, said
                time.sleep(0.05)
    assert "routelab.answer" in said
    assert "first" in said.split()


def test_the_first_answer_over_nats(tmp_path):
    with own_broker("nats", tmp_path / "broker") as broker:
        settings = (
            TOML[0]
            .replace('broker = "redis"', 'broker = "nats"')
            .replace('url = "redis://127.0.0.1:6379"', f'url = "{broker.url}"\nstream = "REQUESTS"')
        )
        with demo(tmp_path, settings) as body:
            done = subprocess.run(
                [sys.executable, "-c", PYTHON.replace("nats://127.0.0.1:4222", broker.url)],
                capture_output=True, text=True, timeout=120, env={**os.environ, "BODY": body},
            )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcome, _, answer = done.stdout.partition(" ")
    assert outcome == "answered"
    assert json.loads(answer)["routelab"]["decision"] == "second"
