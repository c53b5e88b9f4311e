"""`examples/service.py` serves while one of its two providers is killed and comes back."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from service_world import serving as on_a_thread

from routelab.core.signal_spec import SignalSpec
from routelab.logs import read
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, write
from routelab.replay import decide
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.events import EventParser

PROJECT = Path(__file__).parents[3]
MODELS = ("small-8b", "medium-70b", "frontier")
CASCADE = Cascade(models=MODELS, thresholds=(0.7, 0.7), signal="confidence")
SIGNALS = {"confidence": SignalSpec(multiplier=1.0)}
AT_ONCE = 16


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Provider:
    """A replay server in a process of its own."""

    def __init__(self, log, port):
        self.url = f"http://127.0.0.1:{port}/v1"
        self._health = f"http://127.0.0.1:{port}/health"
        code = "from routelab.cli import main; main()"
        self._command = [
            sys.executable, "-c", code, "replay-server", str(log), "--port", str(port),
        ]  # fmt: skip
        self._process = None

    def start(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command, **quiet, cwd=PROJECT)

    def wait(self):
        until = time.monotonic() + 60.0
        while time.monotonic() < until:
            try:
                assert httpx.get(self._health, trust_env=False).status_code == 200
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(self._health)

    def kill(self):
        self._process.kill()
        self._process.wait()


@contextmanager
def serving(app):
    """The application on a thread; gives the address of its chat."""
    with on_a_thread(app) as url:
        yield f"{url}/chat/completions"


@pytest.fixture(scope="module")
def world(tmp_path_factory, sample_file, sample_log):
    """Two providers that serve, the log, and the environment of the service."""
    tmp_path = tmp_path_factory.mktemp("service")
    north, south = (Provider(sample_file, free_port()) for _ in range(2))
    text = sample_file.with_name("sample.models.toml").read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:8801/v1", north.url)
    text = text.replace("http://127.0.0.1:8802/v1", south.url)
    text = text.replace("cost_reported = false", "cost_reported = true")
    text += "\n[engine.breaker]\nmin_calls = 2\nopen_s = 0.3\nmax_open_s = 0.6\n"
    (tmp_path / "models.toml").write_text(text, encoding="utf-8")
    document = Document(
        name="three",
        policy=to_wire(CASCADE),
        candidates=MODELS,
        catalogue=sample_log.catalogue.only(MODELS),
        signals=SIGNALS,
    )
    policy = write(tmp_path / "three.policy", document, "# three\n").path
    for provider in (north, south):
        provider.start()
    try:
        for provider in (north, south):
            provider.wait()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("POLICY", str(policy))
            patch.setenv("MODELS", str(tmp_path / "models.toml"))
            patch.setenv("LOG", "")
            yield south, sample_log
    finally:
        for provider in (north, south):
            provider.kill()


def create(decisions):
    os.environ["LOG"] = str(decisions)
    return runpy.run_path(str(PROJECT / "examples" / "service.py"))["create"]()


async def load(url, log, n, provider, back):
    """Ask n times, at once as many as `AT_ONCE`; kill the provider after a third, for a third.

    Then go on until `back` says that it is asked again: balancing trusts it less for a while.
    """
    counted = Counter(log.texts.prompts(np.arange(len(log))))
    prompts = [prompt for prompt, times in counted.items() if times == 1]  # found without an id
    gate, answered = asyncio.Semaphore(AT_ONCE), []

    async def one(client, k):
        body = {"messages": [{"role": "user", "content": prompts[k % len(prompts)]}]}
        async with gate:
            reply = await client.post(url, json=body)
        answered.append(reply.status_code)

    async def meddle():
        await reached(n // 3)
        await asyncio.to_thread(provider.kill)
        await reached(n // 2)
        provider.start()
        await asyncio.to_thread(provider.wait)

    async def reached(count):
        while len(answered) < count:
            await asyncio.sleep(0.01)

    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=60.0, limits=limits, trust_env=False) as client:
        meddling = asyncio.create_task(meddle())
        await asyncio.gather(*(one(client, k) for k in range(n)))
        await meddling
        for start in range(n, n + 1200, AT_ONCE):
            await asyncio.gather(*(one(client, k) for k in range(start, start + AT_ONCE)))
            await asyncio.sleep(0.2)
            if back():
                break
    return Counter(answered)


def test_answers_and_their_streams_are_the_replays(world, tmp_path):
    _, log = world
    with serving(create(tmp_path)) as url, httpx.Client(trust_env=False, timeout=60.0) as client:
        for row in range(12):
            (prompt,) = log.texts.prompts(np.array([row]))
            body = {"model": "any", "messages": [{"role": "user", "content": prompt}]}
            headers = {"x-request-id": str(log.requests.id[row])}
            whole = client.post(url, json=body, headers=headers).json()
            reply = client.post(url, json={**body, "stream": True}, headers=headers)
            *events, done = EventParser().feed(reply.content)
            assert done.data == b"[DONE]"
            assembly = Assembly()
            for event in events:
                assembly.add(json.loads(event.data))
            assert assembly.body()["choices"] == whole["choices"]
            assert whole["model"] == decide(CASCADE, log, row).answer.model


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "no JSON"),
        (b"[1]", "must be an object"),
        (b'{"messages": ' + b"[" * 100_000, "no JSON"),
        (b'{"messages": "hello", "stream": true, "stream_options": "x"}', "stream_options='x'"),
        (b'{"messages": "hello", "needs": ["teleport"]}', "lacks teleport"),
        (b'{"messages": "hello", "max_cost_usd": 0}', "no known cost_usd to keep within 0 USD"),
        (b"{}", "at least one message"),
        (b'{"messages": "hello", "max_cost_usd": "1"}', "max_cost_usd='1'"),
        (b'{"messages": "hello", "deadline_s": -1, "stream": true}', "deadline_s=-1"),
    ],
)
def test_what_callers_send_wrong_is_theirs_to_mend(world, tmp_path, body, why):
    with serving(create(tmp_path)) as url, httpx.Client(trust_env=False) as client:
        refused = client.post(url, content=body)
    assert refused.status_code == 400
    assert why in refused.json()["error"]["message"]


def test_nulls_are_left_out_and_who_asks_is_for_the_proxy_to_say(world, tmp_path, monkeypatch):
    _, log = world
    (prompt,) = log.texts.prompts(np.array([0]))
    messages = [{"role": "user", "content": prompt}]
    body = {"messages": messages, "task": None, "deadline_s": None, "stream": False}
    spoofed = {**body, "tenant": "b", "self": 1}
    headers = {"x-tenant": "a", "x-request-id": str(log.requests.id[0])}
    with httpx.Client(trust_env=False, timeout=60.0) as client:
        with serving(create(tmp_path)) as url:  # there is no proxy to be believed
            assert client.post(url, json=spoofed, headers=headers).status_code == 200
        monkeypatch.setenv("PROXY", "127.0.0.1")
        with serving(create(tmp_path)) as url:
            assert client.post(url, json=spoofed, headers=headers).status_code == 200
            del headers["x-tenant"]
            assert client.post(url, json=body, headers=headers).status_code == 401
    assert read(tmp_path).requests.tenant.tolist() == ["", "a"]


def test_a_stream_that_fails_before_its_first_piece_is_no_success(world, tmp_path):
    with serving(create(tmp_path)) as url, httpx.Client(trust_env=False) as client:
        body = {"messages": "not in the log", "stream": True}
        failed = client.post(url, json=body)
    assert failed.status_code == 503
    assert "404" in failed.json()["error"]["message"]


@pytest.mark.parametrize("n", [400, pytest.param(5_000, marks=pytest.mark.slow)])
def test_a_provider_that_dies_and_comes_back_costs_no_request(world, tmp_path, n):
    (south, log), decisions = world, tmp_path / "decisions"
    with serving(create(decisions)) as url:
        answered = asyncio.run(load(url, log, n, south, lambda: served(decisions, south)))
    failed = answered.total() - answered[200]
    assert failed < 0.001 * answered.total(), answered
    found = read(decisions)
    assert len(found) == answered.total()
    errors = [it.get("error") for it in tried(decisions, south)]
    assert any(errors), "nothing was asked of it while it was dead"
    assert errors[-1] is None, "nothing was asked of it once it was back"


def tried(decisions, provider):
    """Attempts at a provider's deployments, in the order in which their requests ended."""
    return [
        attempt
        for path in sorted(decisions.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        for step in json.loads(line).get("steps", ())
        for attempt in step["attempts"]
        if provider.url in attempt["deployment"]
    ]


def served(decisions, provider):
    """Whether the provider's last try came to something."""
    attempts = tried(decisions, provider)
    return bool(attempts) and attempts[-1].get("error") is None
