"""The status: true to what happened, for operators alone, live, and one over many processes."""

from __future__ import annotations

import json
import math
import threading

import httpx
import msgspec
import pytest
from serve_world import asking, decisions, prompt, running, saved
from status_world import HOSTILE, busy

from routelab.core import Attempt, Call, Feedback, Request, Step
from routelab.errors import ConfigError
from routelab.policies import Fixed
from routelab.runtime import FinishedRequest
from routelab.runtime.metrics import RouterMetrics, merged_snapshots
from routelab.serve import CallerRules, ServeConfig, StatusRules
from routelab.serve.status import StatusBoard, StatusReport, merged_reports, page_data


def events_of(reply):
    """Server-sent events of a reply, as they come."""
    name, data = "", ""
    for line in reply.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line:
            yield name, json.loads(data)


@pytest.fixture(scope="module")
def told(busy_gateway):
    reply = busy_gateway.running.client.get("/status", headers=busy_gateway.headers("ops"))
    assert reply.status_code == 200
    return reply.json()


def test_its_figures_are_those_of_the_decision_log(sample_log, tmp_path):
    with busy(sample_log, tmp_path) as made:
        told = made.running.client.get("/status", headers=made.headers("ops")).json()
    logged = [it for it in decisions(tmp_path / "decisions") if it["schema"].endswith("decision/1")]
    assert told["requests"]["count"] == len(logged)
    assert told["requests"]["statuses"]["answered"] == sum(
        it["status"] == "answered" for it in logged
    )
    names = {it["digest"]: it["name"] for it in told["policies"]}
    assert set(names.values()) == {"cascade", "small", "large", "medium-70b"}
    spent = {}
    for it in logged:
        key = it["policy"], it.get("tenant", "")
        count, usd = spent.get(key, (0, 0.0))
        spent[key] = count + 1, usd + it["cost_usd"]
    assert len(told["spending"]) == len(spent) >= 6
    for it in told["spending"]:
        count, usd = spent[it["digest"], it["tenant"]]
        assert it["count"] == count
        assert it["usd"] == pytest.approx(usd)
        assert it["usd_per_1k"] == pytest.approx(1000.0 * usd / count)
        assert it["policy"] == names[it["digest"]]
    assert math.fsum(it["share"] for it in told["spending"]) == pytest.approx(1.0)
    calls = [step for it in logged for step in it["steps"] if step.get("error") is None]
    for it in told["models"]:
        assert it["count"] == sum(step["model"] == it["name"] for step in calls)
        assert it["p50"] <= it["p95"] <= it["p99"]
    latest = told["decisions"][0]
    (record,) = (it for it in logged if it["request_id"] == latest["id"])
    assert [it["model"] for it in latest["calls"]] == [it["model"] for it in record["steps"]]


def test_a_decision_says_why_and_holds_no_text_of_anybody(told, busy_gateway):
    escalated = next(it for it in told["decisions"] if len(it["calls"]) == 3)
    first, second, last = (it["words"] for it in escalated["calls"])
    assert first.startswith("small-8b answered; confidence 0.")
    assert first.endswith("is below the threshold 0.75")
    assert second.endswith("is below the threshold 0.8")
    assert last == "frontier answered"
    assert [it["delivered"] for it in escalated["calls"]] == [False, False, True]
    at_once = next(
        it for it in told["decisions"] if it["policy"] == "cascade" and len(it["calls"]) == 1
    )
    assert at_once["calls"][0]["words"].endswith("reaches the threshold 0.75")
    page = json.dumps(told)
    log = busy_gateway.world.log
    for row in range(24):
        assert prompt(log, row)[:40] not in page
    for key in busy_gateway.keys.values():
        assert key not in page
    dead = next(it for it in told["deployments"] if it["failures"])
    assert dead["failures"][0]["failure"] == "connect"
    assert dead["errors"] == dead["count"] > 0
    budgets = {it["account"]: it for it in told["budgets"]}
    assert budgets["tenant search"]["limit_usd"] == 0.012
    assert 0.0 < budgets["tenant search"]["used"] < 1.0
    assert told["alerts"][0]["account"] == "tenant search"
    assert told["requests"]["refused"]["model_not_found"] == 1


def test_only_an_operators_key_opens_it(busy_gateway):
    client = busy_gateway.running.client
    for path in ("/status", "/status/events"):
        assert client.get(path).status_code == 401
        refused = client.get(path, headers=busy_gateway.headers("web"))
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "not_an_operator"
        assert "operator = true" in refused.json()["error"]["message"]
        assert "budgets" not in refused.text
    assert client.get("/", params={"key": "x"}).status_code == 200  # it holds nothing


def test_the_page_is_static_and_keeps_everything_else_out(busy_gateway):
    client = busy_gateway.running.client
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    for path, media in (("status.css", "text/css"), ("status.js", "text/javascript")):
        file = client.get(f"/status/{path}")
        assert file.headers["content-type"].startswith(media)
        assert file.headers["content-security-policy"] == policy
        assert "http://" not in file.text
        assert "https://" not in file.text
        tag = {"if-none-match": file.headers["etag"]}
        assert client.get(f"/status/{path}", headers=tag).status_code == 304
        assert f'"status/{path}"' in page.text
    script = client.get("/status/status.js").text
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in script
    assert "<script>" not in page.text
    assert "style=" not in page.text
    data = client.get("/status", headers=busy_gateway.headers("ops"))
    assert data.headers["cache-control"] == "no-store"
    assert data.headers["content-type"] == "application/json"


def test_events_follow_what_happens_and_end_when_the_server_does(world, tmp_path):
    config = ServeConfig(status=StatusRules(refresh_s=0.1, watchers=1))
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        with gateway.client.stream("GET", "/status/events") as reply:
            assert reply.headers["content-type"].startswith("text/event-stream")
            events = events_of(reply)
            name, first = next(events)
            assert (name, first["requests"]["count"]) == ("status", 0)
            assert gateway.client.get("/status/events").status_code == 503
            asked = gateway.chat(asking(prompt(world.log, 0)), x_request_id="seen")
            assert asked.status_code == 200
            found = next(it for _, it in events if it["requests"]["count"])
            assert found["decisions"][0]["id"] == "seen"
            assert found["policies"][0]["name"] == "small"
            gateway.stop()
            *_, before, end = list(events)
        assert before[1]["draining"]
        assert end == ("end", {})


def test_a_caller_who_leaves_makes_room_for_another(world):
    config = ServeConfig(status=StatusRules(refresh_s=0.1, watchers=1))
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        for _ in range(3):
            with httpx.Client(base_url=gateway.client.base_url, trust_env=False) as client:
                for _ in range(100):
                    with client.stream("GET", "/status/events") as reply:
                        if reply.status_code == 200:
                            assert next(events_of(reply))[0] == "status"
                            break
                    threading.Event().wait(0.02)
                else:
                    pytest.fail("nobody else could watch")


def test_a_policy_that_is_replaced_stays_beside_what_it_spent(sample_log, tmp_path, world):
    from routelab.core.catalogue import catalogue_file

    known = catalogue_file.read(world.catalogue)
    policy = saved(tmp_path / "one.policy", Fixed("small-8b"), known)
    with running([policy], world.catalogue, ServeConfig(reload_s=0)) as gateway:
        assert gateway.chat(asking(prompt(sample_log, 0))).status_code == 200
        saved(tmp_path / "one.policy", Fixed("frontier"), known)
        assert gateway.reload()
        assert gateway.chat(asking(prompt(sample_log, 1))).status_code == 200
        told = gateway.client.get("/status").json()
    now, former = told["policies"]
    assert (now["name"], now["served"], now["count"]) == ("one", True, 1)
    assert (former["name"], former["served"], former["count"]) == ("one", False, 1)
    assert now["digest"] != former["digest"]
    assert now["since_s"] > former["since_s"]
    assert told["requests"]["reloads"] == {"taken": 1}


def test_it_can_be_left_out(world):
    config = ServeConfig(status=StatusRules(page=False))
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        gateway.chat(asking(prompt(world.log, 0)))
        for path in ("/", "/status", "/status/events", "/status/status.js"):
            assert gateway.client.get(path).status_code == 404


def test_an_operator_may_come_through_a_proxy(world):
    callers = CallerRules(
        tenant_header="x-tenant", trusted=("127.0.0.1",), operators=("operations",)
    )
    with running(
        [world.policies["small"]], world.catalogue, ServeConfig(callers=callers)
    ) as gateway:
        asked = [
            gateway.client.get("/status", headers={"x-tenant": it}).status_code
            for it in ("operations", "web")
        ]
    assert asked == [200, 403]


def test_rules_that_cannot_be_are_all_named():
    with pytest.raises(ConfigError) as told:
        ServeConfig(
            status=StatusRules(decisions=-1, refresh_s=0.0, watchers=0),
            callers=CallerRules(operators=("x",)),
        )
    said = str(told.value)
    for words in ("decisions is -1", "refresh_s is 0.0", "watchers is 0", "operators are tenants"):
        assert words in said


def finished(number, tenant="north", usd=0.001, error=None):
    attempt = Attempt("a", "a at x", cost_usd=usd, latency_s=0.1 * number, prompt_tokens=10.0)
    call = Feedback("a", cost_usd=usd, latency_s=0.1 * number, error=error, attempts=(attempt,))
    return FinishedRequest(
        request=Request(id=str(number), tenant=tenant),
        policy="0" * 64,
        status="answered" if error is None else "failed",
        timestamp_s=100.0 + number,
        latency_s=0.1 * number,
        cost_usd=usd,
        steps=(Step(Call("a"), call),),
        answer=call if error is None else None,
        error=error,
    )


class Idle:
    """A gateway that counted something."""

    draining, under_way, totals = False, (), {("refused", "no_api_key"): 2}


def reported(requests):
    metrics, board = RouterMetrics(wall_clock=lambda: 50.0), StatusBoard(5)
    for it in requests:
        metrics.finished(it)
        board.finished(it)
    for it in requests:
        if int(it.request.id) % 4:
            continue
        metrics.feedback(it.request.id, 1.0 / (1 + int(it.request.id)), None)
    return board.report(Idle(), metrics.snapshot())


def test_reports_of_processes_add_up_to_that_of_one_that_did_it_all():
    """Over JSON, as it passes between processes."""
    requests = [
        finished(i, ("north", "south")[i % 2], 0.001 * i, "down" if i % 5 == 0 else None)
        for i in range(1, 40)
    ]
    parts = [reported(requests[start::3]) for start in range(3)]
    sent = [msgspec.json.decode(msgspec.json.encode(it), type=StatusReport) for it in parts]
    together, alone = merged_reports(sent), reported(requests)
    assert together.processes == 3
    assert dict(together.counts) == {("refused", "no_api_key"): 6}
    assert [it.id for it in together.decisions] == [it.id for it in alone.decisions]
    mine, whole = page_data(together), page_data(alone)
    for name in ("models", "deployments", "budgets"):
        assert _rounded(mine[name]) == _rounded(whole[name]), name
    ordered = lambda rows: sorted(_rounded(rows), key=str)  # noqa: E731
    assert ordered(mine["spending"]) == ordered(whole["spending"])
    for name in ("count", "errors", "p50", "p95", "p99", "statuses"):
        assert mine["requests"][name] == whole["requests"][name], name
    assert mine["requests"]["usd"] == pytest.approx(whole["requests"]["usd"])


def test_merging_one_snapshot_changes_nothing():
    metrics = RouterMetrics(wall_clock=lambda: 50.0)
    for i in range(1, 9):
        metrics.finished(finished(i))
        metrics.feedback(str(i), 0.1 * i, None)
    one = metrics.snapshot()
    again = merged_snapshots([one])
    assert again.requests == one.requests
    assert again.models == one.models
    assert again.quality["a"].mean == pytest.approx(one.quality["a"].mean)
    assert again.quality["a"].standard_error == pytest.approx(one.quality["a"].standard_error)


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {name: _rounded(it) for name, it in value.items()}
    return [_rounded(it) for it in value] if isinstance(value, list) else value


def test_the_oldest_decisions_and_the_rarest_tenants_make_room():
    board = StatusBoard(3)
    for i in range(1500):
        board.finished(finished(i, f"{HOSTILE}{i}"))
    report = board.report(Idle(), RouterMetrics().snapshot())
    assert [it.id for it in report.decisions] == ["1499", "1498", "1497"]
    assert len(report.spending) <= 1001
    assert sum(it.totals.count for it in report.spending) == 1500
