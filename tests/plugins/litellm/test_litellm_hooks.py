"""The real SDK router and the real proxy of LiteLLM, over a replay server.

They run in an environment of their own (`make litellm`): LiteLLM takes more room than all else.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from litellm_world import DRAWN, drawn_policy, model_list
from serve_world import prompt

from routelab.errors import ConfigError
from routelab.logs import read
from routelab.replay import decide
from routelab.replay_server import background

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # asks nobody for prices when it is imported
litellm = pytest.importorskip("litellm", reason="litellm is not installed: `make litellm`")
pytestmark = pytest.mark.filterwarnings("ignore")  # LiteLLM's own

ROWS = range(8)


@pytest.fixture
def server(sample_log):
    """Fresh for each test: of requests that share a prompt it answers one after the other."""
    with background(sample_log) as url:
        yield url


@pytest.fixture(scope="module")
def loop():
    """One for all, as LiteLLM's logging lives in the first one it sees."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def routing(sample_log, tmp_path):
    from routelab.plugins.litellm import PolicyRouting

    return PolicyRouting(drawn_policy(tmp_path, sample_log.catalogue))


def body(log, row):
    return [{"role": "user", "content": prompt(log, row)}]


def asked_of(log, row):
    return {
        "messages": body(log, row),
        "metadata": {"routelab_request_id": f"{log.requests.id[row]}"},
    }


def logged(folder):
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_router_asks_what_the_replay_says(
    server, loop, sample_log, routing, tmp_path, stream
):
    from routelab.plugins.litellm import DecisionLogger

    logger = DecisionLogger(tmp_path / "log", texts=True)

    async def ask():
        litellm.callbacks = [logger]
        router = litellm.Router(model_list=model_list(server), num_retries=0)
        routing.attach(router)
        routing.attach(router)
        for row in ROWS:
            answer = await router.acompletion(
                model="routelab", stream=stream, **asked_of(sample_log, row)
            )
            if stream:
                async for _ in answer:
                    pass
        for _ in range(100):
            await asyncio.sleep(0.05)
            if logger._sink.status().written + logger._sink.status().queued >= len(ROWS):
                break

    try:
        loop.run(ask())
    finally:
        litellm.logging_callback_manager._reset_all_callbacks()
        logger.close()
    lines = {it["request_id"]: it for it in logged(tmp_path / "log")}
    assert len(lines) == len(ROWS), logger.skipped
    for row in ROWS:
        expected, line = decide(DRAWN, sample_log, row), lines[str(sample_log.requests.id[row])]
        (text,) = sample_log.texts.responses(np.array([row]), expected.answer.model)
        assert line["policy"] == routing.decider.file.digest
        assert line["model"] == expected.answer.model
        assert line["choices"][0]["propensity"] == expected.choices[0].propensity
        assert line["steps"][0]["response"] == text
    log = read(tmp_path / "log")
    assert set(np.unique(log.propensity)) == {0.25, 0.75}


def test_a_model_that_litellm_lacks(server, routing):
    router = litellm.Router(model_list=model_list(server)[:2])
    with pytest.raises(ConfigError, match="no model group 'frontier': add it"):
        routing.attach(router)


def test_names_that_do_not_fit(sample_log, tmp_path):
    from routelab.plugins.litellm import PolicyRouting

    path = drawn_policy(tmp_path, sample_log.catalogue)
    with pytest.raises(ConfigError, match="'big' is none of the policy's"):
        PolicyRouting(path, models={"big": "gpt"})
    with pytest.raises(ConfigError, match="send it to itself"):
        PolicyRouting(path, group="frontier")


def test_where_the_policy_cannot_decide_the_group_itself_answers(
    server, loop, sample_log, routing, caplog, monkeypatch
):
    from routelab.errors import NoModelError

    def none(_):
        raise NoModelError("nobody may")

    monkeypatch.setattr(routing.decider, "decide", none)

    async def ask():
        router = litellm.Router(model_list=model_list(server), num_retries=0)
        routing.attach(router)
        asked = {"model": "routelab", **asked_of(sample_log, 0)}
        return [await router.acompletion(**asked) for _ in range(2)]

    answers = loop.run(ask())
    (text,) = sample_log.texts.responses(np.array([0]), "medium-70b")
    assert answers[0].choices[0].message.content == text
    assert sum("did not decide" in it.message for it in caplog.records) == 1


CONFIG = """
model_list: {models}
litellm_settings:
  callbacks: [routing_hooks.routing, routing_hooks.logger]
general_settings:
  master_key: sk-master
"""
HOOKS = """
from routelab.plugins.litellm import DecisionLogger, PolicyRouting

routing = PolicyRouting({policy!r})
logger = DecisionLogger({log!r}, names=routing.names)
"""


@pytest.fixture
def proxy(server, sample_log, tmp_path):
    """The proxy's address, with the policy's hooks beside its settings."""
    pytest.importorskip("litellm.proxy.proxy_cli", reason="litellm[proxy] is not installed")
    pytest.importorskip("litellm_proxy_extras", reason="litellm[proxy] is not installed")
    policy = drawn_policy(tmp_path, sample_log.catalogue)
    hooks = HOOKS.format(policy=str(policy), log=str(tmp_path / "log"))
    (tmp_path / "routing_hooks.py").write_text(hooks, encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(models=json.dumps(model_list(server))), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [str(Path(sys.executable).parent / "litellm"), "--config", str(config),
               "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    with (
        (tmp_path / "proxy.log").open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, cwd=tmp_path) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 300.0  # minutes on a busy machine
            while True:
                assert process.poll() is None, (tmp_path / "proxy.log").read_text()
                assert time.monotonic() < until, (tmp_path / "proxy.log").read_text()
                try:
                    httpx.get(f"{url}/health/liveliness", trust_env=False)
                    break
                except httpx.HTTPError:
                    time.sleep(0.25)
            yield url
        finally:
            process.terminate()
            process.wait(30.0)


def test_the_proxy_asks_what_the_replay_says_and_its_log_comes_back(proxy, sample_log, tmp_path):
    bearer = {"authorization": "Bearer sk-master"}
    with httpx.Client(base_url=proxy, headers=bearer, trust_env=False, timeout=60.0) as client:
        for row in ROWS:
            asked = {"model": "routelab", **asked_of(sample_log, row)}
            reply = client.post("/v1/chat/completions", json=asked)
            assert reply.status_code == 200, reply.text
            expected = decide(DRAWN, sample_log, row)
            (text,) = sample_log.texts.responses(np.array([row]), expected.answer.model)
            assert reply.json()["choices"][0]["message"]["content"] == text
        lost = client.post(
            "/v1/chat/completions",
            json={"model": "routelab", "messages": [{"role": "user", "content": "not in the log"}]},
        )
        assert lost.status_code >= 400
    until = time.monotonic() + 30.0
    while len(logged(tmp_path / "log")) < len(ROWS) + 1 and time.monotonic() < until:
        time.sleep(0.1)
    lines = {it["request_id"]: it for it in logged(tmp_path / "log")}
    for row in ROWS:
        expected, line = decide(DRAWN, sample_log, row), lines[str(sample_log.requests.id[row])]
        assert line["model"] == expected.answer.model
        assert line["steps"][0].get("propensity", 1.0) == expected.choices[0].propensity
    statuses = sorted(it["status"] for it in lines.values())
    assert statuses == ["answered"] * len(ROWS) + ["failed"]
    log = read(tmp_path / "log")
    assert set(np.unique(log.propensity)) <= {0.25, 0.75}
