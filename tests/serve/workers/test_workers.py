"""A server of several processes: it starts and ends as one, and its processes are replaced."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest
from command_world import process
from serve_world import CHAT, MODELS, asking, decisions, listed, prompt, saved

from routelab.core.catalogue import pointed_at
from routelab.policies import Fixed
from routelab.replay_server import background
from routelab.serve import new_key

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

METRIC = re.compile(r"^(\S+) (\S+)$", re.MULTILINE)


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def base_of(found):
    return found.wait_for("serving at").removeprefix("serving at ").removesuffix("/v1")


def asked(base, method, address, **given):
    """One request on a connection of its own, which whichever process takes it answers."""
    with httpx.Client(base_url=base, trust_env=False, timeout=60.0) as client:
        return client.request(method, address, **given)


def metrics(base):
    return dict(METRIC.findall(asked(base, "GET", "/metrics").text))


@pytest.fixture
def files(sample_log, tmp_path):
    with background(sample_log) as url:
        known = pointed_at(url, MODELS, sample_log.catalogue)
        policy = saved(tmp_path / "one.policy", Fixed("small-8b"), known)
        yield policy, listed(tmp_path / "models.toml", known), known


def command(files, settings, *more):
    policy, catalogue, _ = files
    config = policy.parent / "serve.toml"
    config.write_text(settings, encoding="utf-8")
    return policy, "--catalogue", catalogue, "--config", config, "--port", 0, *more


def test_together_they_are_one_server(files, sample_log, tmp_path):
    """Limits, metrics, feedback, open decisions, reload, replacement and end."""
    key, table = new_key("ann", "north")
    operator, theirs = new_key("boss", "")
    (tmp_path / "keys.toml").write_text(f"{table}\n{theirs}operator = true\n", encoding="utf-8")
    settings = (
        'log = "decisions"\nreload_s = 0.1\n[callers]\nkeys = "keys.toml"\n'
        "[limits.key]\nrequests_per_minute = 0.001\nburst = 24\n[grpc]\nport = 0\n"
    )
    headers = {"authorization": f"Bearer {key}"}
    body = asking(prompt(sample_log, 0))
    with process(*command(files, settings, "--workers", 2)) as found:
        base = base_of(found)
        replies = [asked(base, "POST", CHAT, json=body, headers=headers) for _ in range(12)]
        assert {it.status_code for it in replies} == {200}

        for reply in replies:  # whichever process is asked, the one that remembers is found
            judged = {"decision": reply.headers["x-routelab-decision"], "quality": 1.0}
            told = asked(base, "POST", "/v1/feedback", json=judged, headers=headers)
            assert (told.status_code, told.json()["joined"]) == (200, True)
        none = {"decision": "of nobody", "quality": 1.0}
        assert asked(base, "POST", "/v1/feedback", json=none, headers=headers).status_code == 404
        for number in range(4):
            route = {"route_id": f"r{number}", "messages": body["messages"]}
            assert asked(base, "POST", "/route", json=route, headers=headers).status_code == 200
            outcome = {"route_id": f"r{number}", "error": "it failed"}
            over = asked(base, "POST", "/outcome", json=outcome, headers=headers).json()
            assert over == {"route_id": f"r{number}", "action": "fail"}

        before = metrics(base)
        answered = 'routelab_gateway_requests_total{entry="chat",policy="one",status="answered"}'
        assert before[answered] == "12"
        assert before['routelab_requests_total{status="answered"}'] == "12"
        assert before['routelab_gateway_feedback_total{result="joined"}'] == "12"
        spent = 'routelab_attributed_{}_total{{policy="one",tenant="north"}}'.format
        assert before[spent("requests")] == "16"  # 4 of them were decisions
        assert before[spent("cost_unknown")] == "4"
        assert float(before[spent("cost_usd")]) > 0.0
        boss = {"authorization": f"Bearer {operator}"}
        status = asked(base, "GET", "/status", headers=boss).json()
        assert (status["processes"], status["requests"]["statuses"]["answered"]) == (2, 12)

        time.sleep(1.5)  # what it has counted is written down by then
        first = found.workers()[0]
        os.kill(first, signal.SIGKILL)
        assert metrics(base)[answered] == "12"
        found.wait_for('"worker replaced"')
        assert first not in found.workers()
        assert "SIGKILL" in found.wait_for('"worker died"')
        assert metrics(base)[answered] == "12"

        saved(files[0], Fixed("frontier"), files[2])
        until(lambda: found.count("reloaded") == 2)
        replies = [asked(base, "POST", CHAT, json=body, headers=headers) for _ in range(12)]
        codes = [it.status_code for it in replies]
        assert codes == [200] * 8 + [429] * 4  # 4 of the burst were decisions
        assert {it.headers["x-routelab-model"] for it in replies[:8]} == {"frontier"}
        port = found.events[0]["grpc_port"]
        assert {it.get("grpc_port") for it in found.events if it["event"] == "serving"} == {port}

        assert asked(base, "GET", "/readyz").status_code == 200
        found.running.send_signal(signal.SIGTERM)
        code, said = found.ended()
    assert code == 0, said
    assert said.count("limits of deployments in the catalogue are divided") == 1
    lines = decisions(tmp_path / "decisions")
    assert [it.get("status") for it in lines].count("answered") == 20
    assert said.count("anybody who reaches") == 0
    with pytest.raises(httpx.ConnectError):
        asked(base, "GET", "/healthz")


def test_what_is_wrong_is_said_once(files):
    policy, catalogue, _ = files
    (policy / "policy.json").write_text("{", encoding="utf-8")
    with process(policy, "--catalogue", catalogue, "--port", 0, "--workers", 3) as found:
        code, said = found.ended()
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("policy.json") == 1
    assert "Traceback" not in said
    assert not found.events[:-1]


def test_processes_that_keep_dying_are_not_replaced_for_ever(files):
    settings = "[workers]\ncount = 2\nrestarts_per_minute = 1\n"
    with process(*command(files, settings)) as found:
        base = base_of(found)
        os.kill(found.workers()[0], signal.SIGKILL)
        found.wait_for('"worker replaced"')
        os.kill(found.workers()[0], signal.SIGKILL)
        assert "as many as may be" in found.wait_for('"worker not replaced"')
        assert asked(base, "GET", "/healthz").status_code == 200
        os.kill(found.workers()[0], signal.SIGKILL)
        code, said = found.ended(120.0)
    assert code == 2
    assert "none is left" in said


def test_one_that_cannot_be_replaced_is_tried_again(files):
    """Files that are broken when a process dies; the others serve on."""
    policy, _, known = files
    settings = "[workers]\ncount = 2\n"
    with process(*command(files, settings)) as found:
        base = base_of(found)
        (policy / "policy.json").write_text("{", encoding="utf-8")
        found.wait_for('"reload refused"')
        os.kill(found.workers()[0], signal.SIGKILL)
        assert "policy.json" in found.wait_for('"worker not replaced"')
        assert asked(base, "GET", "/readyz").status_code == 200
        saved(policy, Fixed("small-8b"), known)
        found.wait_for('"worker replaced"')


def test_they_end_with_the_process_that_started_them(files):
    with process(*command(files, "[workers]\ncount = 2\n")) as found:
        base_of(found)
        workers = found.workers()
        found.running.kill()
        until(lambda: not any(map(is_alive, workers)))


def is_alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
