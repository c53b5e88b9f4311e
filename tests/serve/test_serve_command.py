"""`routelab serve` as a process: it starts, says what is wrong, takes changes over, and ends."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from command_world import COMMAND, process
from serve_world import CHAT, MODELS, asking, decisions, listed, prompt, saved

from routelab.core.catalogue import pointed_at
from routelab.policies import Fixed
from routelab.replay_server import background


def test_it_serves_until_it_is_told_to_stop_and_sees_requests_through(sample_log, tmp_path):
    with background(sample_log, latency_scale=0.5) as url:
        catalogue = listed(tmp_path / "models.toml", pointed_at(url, MODELS, sample_log.catalogue))
        policy = saved(tmp_path / "large.policy", Fixed("frontier"), pointed_at(url, MODELS))
        (tmp_path / "serve.toml").write_text('log = "decisions"\nreload_s = 0.1', encoding="utf-8")
        with process(
            policy, "--catalogue", catalogue, "--config", tmp_path / "serve.toml", "--port", 0
        ) as found:
            base = found.wait_for("serving at").removeprefix("serving at ")
            with (
                httpx.Client(trust_env=False, timeout=60.0) as client,
                ThreadPoolExecutor(4) as threads,
            ):

                def ask(row):
                    body = asking(prompt(sample_log, row), stream=bool(row % 2))
                    headers = {"x-request-id": str(sample_log.requests.id[row])}
                    return client.post(f"{base}/chat/completions", json=body, headers=headers)

                asked = [threads.submit(ask, row) for row in range(4)]
                gauge = "routelab_gateway_under_way 4"
                while gauge not in client.get(f"{base.removesuffix('/v1')}/metrics").text:
                    time.sleep(0.01)
                found.running.send_signal(signal.SIGTERM)
                replies = [it.result() for it in asked]
            code, said = found.ended()
    assert code == 0, said
    assert [it.status_code for it in replies] == [200] * 4
    assert all(it.text.endswith("data: [DONE]\n\n") for it in replies[1::2])
    kinds = [it["event"] for it in found.events]
    assert kinds == ["serving", "stopping", "stopped"]
    assert found.events[1]["under_way"] == 4
    statuses = [it["status"] for it in decisions(tmp_path / "decisions")]
    assert statuses == ["answered"] * 4


def test_a_port_in_use_and_other_mistakes_are_said_in_a_sentence(tmp_path):
    catalogue = listed(tmp_path / "models.toml", pointed_at("http://127.0.0.1:9/v1", ["a"]))
    policy = saved(tmp_path / "a.policy", Fixed("a"), pointed_at("http://127.0.0.1:9/v1", ["a"]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process(policy, "--catalogue", catalogue, "--port", port) as found:
            code, said = found.ended()
    assert code == 2
    assert said.startswith(f"error: cannot serve at 127.0.0.1:{port}: ")
    assert "choose another --port" in said
    with process(policy, "--catalogue", catalogue, "--host", "192.0.2.1") as found:
        code, said = found.ended()
    assert (code, "choose another --host, an address of this machine" in said) == (2, True)
    with process(tmp_path / "b.policy", policy, policy, "--catalogue", catalogue) as found:
        code, said = found.ended()
    assert code == 2
    assert "no such policy directory" in said
    assert "there is a policy 'a' already" in said
    assert "Traceback" not in said


def test_files_that_change_are_taken_over_and_broken_ones_are_not(sample_log, tmp_path):
    """Under load: no request is lost, and each is answered by the policy it began with."""
    with background(sample_log) as url:
        known = pointed_at(url, MODELS, sample_log.catalogue)
        catalogue = listed(tmp_path / "models.toml", known)
        policy = saved(tmp_path / "one.policy", Fixed("small-8b"), known)
        (tmp_path / "serve.toml").write_text("reload_s = 0.05", encoding="utf-8")
        with process(
            policy, "--catalogue", catalogue, "--config", tmp_path / "serve.toml", "--port", 0
        ) as found:
            base = found.wait_for("serving at").removeprefix("serving at ").removesuffix("/v1")
            stop, replies = threading.Event(), []

            def load(start):
                with httpx.Client(base_url=base, trust_env=False, timeout=60.0) as client:
                    row = start
                    while not stop.is_set():
                        replies.append(client.post(CHAT, json=asking(prompt(sample_log, row))))
                        row = (row + 4) % 400

            with ThreadPoolExecutor(4) as threads:
                loads = [threads.submit(load, start) for start in range(4)]
                saved(policy, Fixed("frontier"), known)
                found.wait_for('"reloaded"')
                broken = (policy / "policy.json").read_text(encoding="utf-8")[:-40]
                (policy / "policy.json").write_text(broken, encoding="utf-8")
                refused = json.loads(found.wait_for('"reload refused"'))
                n = len(replies)
                while len(replies) < n + 20:
                    time.sleep(0.01)
                stop.set()
                for it in loads:
                    it.result()
            metrics = httpx.get(f"{base}/metrics", trust_env=False).text
    assert {it.status_code for it in replies} == {200}
    models = [it.headers["x-routelab-model"] for it in replies]
    assert set(models[-20:]) == {"frontier"}
    assert refused["level"] == "error"
    assert "policy.json" in refused["problems"][0]
    assert 'routelab_gateway_reloads_total{result="refused"} 1' in metrics
    answered = next(it for it in metrics.splitlines() if 'requests_total{status="answered"}' in it)
    assert answered.endswith(f" {len(replies)}")


def test_a_key_is_printed_once_and_its_hash_written(tmp_path):
    words = [*COMMAND, "key", "ann", "--tenant", "north"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    key = done.stderr.split()[-1]
    assert key.startswith("rl-")
    assert key not in done.stdout
    assert done.stdout.startswith("[keys.ann]\nsha256 = [")


def test_the_demo_answers_without_a_key():
    with process("--demo", "--port", 0) as found:
        base = found.wait_for("serving at", 120.0).removeprefix("serving at ")
        words = shlex.split(found.wait_for("send one: "))
        body = words[words.index("-d") + 1]
        reply = httpx.post(f"{base}/chat/completions", content=body, trust_env=False, timeout=60.0)
        assert reply.status_code == 200, reply.text
        assert reply.headers["x-routelab-policy"] == "demo"
        assert reply.json()["choices"][0]["message"]["content"]
        found.running.send_signal(signal.SIGTERM)
        code, said = found.ended()
    assert code == 0, said
    with process("--demo", "x.policy") as found:
        code, said = found.ended()
    assert (code, said) == (
        2, "error: --demo brings a policy and a catalogue: give neither beside it",
    )  # fmt: skip
