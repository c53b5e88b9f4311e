"""Who may ask how much: keys, proxies, limits, and callers who leave."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from serve_world import CHAT, MODELS, asking, decisions, listed, prompt, running

from routelab.core.catalogue import pointed_at
from routelab.serve import CallerRules, GatewayLimits, LimitRule, ServeConfig, new_key


def refusal(reply):
    return reply.status_code, reply.json()["error"]["code"]


@pytest.fixture
def keyed(world, tmp_path):
    """A gateway with keys of two tenants, and the keys."""
    ann, first = new_key("ann", "north")
    bob, second = new_key("bob", "south")
    old, third = new_key("old")
    second += 'policies = ["small"]\npriorities = ["low", "lower"]\n'
    second += "[keys.bob.limits]\nrequests_per_minute = 0.5\nburst = 2\n"
    third += "expires = 2020-01-01\n"
    path = tmp_path / "keys.toml"
    path.write_text(f"{first}\n{second}\n{third}", encoding="utf-8")
    config = ServeConfig(
        callers=CallerRules(keys=str(path)),
        log=str(tmp_path / "log"),
        default="cascade",
        reload_s=0.0,
    )
    with running(list(world.policies.values()), world.catalogue, config) as gateway:
        yield gateway, {"ann": ann, "bob": bob, "old": old}, path, tmp_path / "log"


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def test_only_who_has_a_key_may_ask(keyed, world):
    gateway, keys, _, log = keyed
    body = asking(prompt(world.log, 0), model="routelab/small")
    assert refusal(gateway.chat(body)) == (401, "no_api_key")
    assert refusal(gateway.chat(body, **bearer("rl-wrong"))) == (401, "invalid_api_key")
    assert refusal(gateway.chat(body, **bearer(keys["old"]))) == (401, "expired_api_key")
    assert gateway.chat(body, **bearer(keys["ann"]), x_tenant="x").status_code == 200
    assert gateway.chat(body, api_key=keys["bob"]).status_code == 200
    assert gateway.chat({**body, "tenant": "x"}, **bearer(keys["ann"])).status_code == 200
    assert gateway.client.get("/v1/models").status_code == 401
    assert gateway.client.get("/readyz").status_code == 200
    until = time.monotonic() + 5.0
    while len(found := decisions(log)) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert [it["tenant"] for it in found] == ["north", "south", "north"]
    assert all(key not in json.dumps(gateway.events) for key in keys.values())


def test_a_key_may_be_for_some_policies_and_priorities_alone(keyed, world):
    gateway, keys, _, _ = keyed
    text, bob = prompt(world.log, 0), bearer(keys["bob"])
    assert refusal(gateway.chat(asking(text), **bob)) == (403, "model_not_allowed")
    listed = gateway.client.get("/v1/models", headers=bob).json()["data"]
    assert [it["id"] for it in listed] == ["routelab/small"]
    body = asking(text, model="routelab/small", priority="high")
    assert refusal(gateway.chat(body, **bob)) == (403, "priority_not_allowed")
    assert gateway.chat({**body, "priority": "lower"}, **bob).status_code == 200


def test_a_rate_is_kept_per_key_and_a_refusal_costs_nothing(keyed, world):
    gateway, keys, _, _ = keyed
    body = asking(prompt(world.log, 0), model="routelab/small")
    replies = [gateway.chat(body, **bearer(keys["bob"])) for _ in range(4)]
    assert [it.status_code for it in replies] == [200, 200, 429, 429]
    assert replies[-1].json()["error"]["code"] == "rate_limit_exceeded"
    assert 100 < int(replies[-1].headers["retry-after"]) <= 120
    assert replies[-1].headers["x-routelab-cost-usd"] == "0"
    assert gateway.chat(body, **bearer(keys["ann"])).status_code == 200
    assert gateway.service.metrics.snapshot().requests.count == 3


def test_keys_are_taken_out_and_in_without_a_restart(keyed, world):
    gateway, keys, path, _ = keyed
    body = asking(prompt(world.log, 0), model="routelab/small")
    eve, table = new_key("eve")
    path.write_text(table, encoding="utf-8")
    assert gateway.reload()
    assert gateway.chat(body, **bearer(keys["ann"])).status_code == 401
    assert gateway.chat(body, **bearer(eve)).status_code == 200
    path.write_text("[keys.eve]\nsha256 = 3\n", encoding="utf-8")
    assert not gateway.reload()
    assert gateway.chat(body, **bearer(eve)).status_code == 200
    assert gateway.events[-1]["event"] == "reload refused"


def test_feedback_is_for_ones_own_decisions(keyed, world):
    gateway, keys, _, log = keyed
    ann, bob = bearer(keys["ann"]), bearer(keys["bob"])
    reply = gateway.chat(asking(prompt(world.log, 0), model="routelab/small"), **ann)
    decision = reply.headers["x-routelab-decision"]

    def judge(headers, **body):
        return gateway.client.post("/v1/feedback", json=body, headers=headers)

    assert refusal(judge(bob, decision=decision, quality=1)) == (404, "decision_not_found")
    assert refusal(judge(ann, decision="x", quality=1)) == (404, "decision_not_found")
    wrong = judge(ann, decision=decision, quality=2, model=3, sauce="x").json()["error"]
    assert all(it in wrong["message"] for it in ("quality=2", "model=3", "'sauce'"))
    assert "asked small-8b" in judge(ann, decision=decision, quality=1, model="x").text
    joined = judge(ann, decision=decision, quality=0.25, source="thumb")
    assert joined.json() == {"decision": decision, "quality": 0.25, "joined": True}
    until = time.monotonic() + 5.0
    while not (found := [it for it in decisions(log) if "quality" in it]):
        assert time.monotonic() < until
        time.sleep(0.05)
    (one,) = found
    assert (one["request_id"], one["quality"], one["source"]) == (decision, 0.25, "thumb")
    assert gateway.service.metrics.snapshot().quality["small-8b"].mean == 0.25


def test_a_trusted_proxy_says_who_asks(world, tmp_path):
    rules = CallerRules(
        tenant_header="X-Tenant", priority_header="x-class", trusted=("127.0.0.0/8",)
    )
    limits = GatewayLimits(
        tenants={"poor": LimitRule(usd_per_day=1e-9)}, priorities={"late": LimitRule(at_once=1)}
    )
    config = ServeConfig(callers=rules, limits=limits, log=str(tmp_path / "log"))
    body = asking(prompt(world.log, 0))
    with running([world.policies["large"]], world.catalogue, config) as gateway:
        assert refusal(gateway.chat(body)) == (401, "no_tenant")
        assert gateway.chat(body, x_tenant="rich", x_class="late").status_code == 200
        assert gateway.chat(body, x_tenant="poor").status_code == 200
        spent = gateway.chat(body, x_tenant="poor")
        assert refusal(spent) == (429, "insufficient_quota")
        assert int(spent.headers["retry-after"]) <= 86_400
        assert refusal(gateway.chat({**body, "priority": "x"}, x_tenant="rich")) == (
            403, "priority_not_allowed",
        )  # fmt: skip
    found = decisions(tmp_path / "log")
    assert [(it["tenant"], it.get("priority")) for it in found] == [
        ("rich", "late"), ("poor", None),
    ]  # fmt: skip
    elsewhere = CallerRules(tenant_header="x-tenant", trusted=("10.0.0.0/8",))
    config = ServeConfig(callers=elsewhere)
    with running([world.policies["large"]], world.catalogue, config) as gateway:
        for forged in ({}, {"x_forwarded_for": "10.0.0.1"}, {"forwarded": "for=10.0.0.1"}):
            told = gateway.chat(body, x_tenant="a", **forged)
            assert refusal(told) == (403, "untrusted_address")


def test_bodies_are_bounded_before_they_are_read(world):
    config = ServeConfig(limits=GatewayLimits(body_bytes=2_000))
    with running([world.policies["large"]], world.catalogue, config) as gateway:
        assert refusal(gateway.chat(asking("x" * 3_000))) == (413, "body_too_large")

        def endless():
            for _ in range(1_000):
                yield b"x" * 1_000

        try:
            reply = gateway.client.post(CHAT, content=endless())
        except httpx.WriteError:  # it hung up on us, which is as good
            pass
        else:
            assert refusal(reply) == (413, "body_too_large")
        assert gateway.client.get("/healthz").status_code == 200


def test_a_body_that_trickles_in_is_not_waited_for(world):
    config = ServeConfig(limits=GatewayLimits(body_s=0.3))
    with running([world.policies["large"]], world.catalogue, config) as gateway:
        url = gateway.client.base_url
        with socket.create_connection((url.host, url.port)) as slow:
            slow.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{{".encode())
            slow.settimeout(20.0)
            reply = b"".join(iter(lambda: slow.recv(65536), b""))
        assert reply.startswith(b"HTTP/1.1 408")
        assert b"body_too_slow" in reply
        assert gateway.client.get("/healthz").status_code == 200


@contextmanager
def answering(answer):
    """The address of an endpoint of which every connection is given to `answer`."""
    held, ready = {}, threading.Event()

    async def serve():
        held["stop"], held["loop"] = asyncio.Event(), asyncio.get_running_loop()
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            held["port"] = server.sockets[0].getsockname()[1]
            ready.set()
            await held["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(10.0)
    try:
        yield f"http://127.0.0.1:{held['port']}/v1"
    finally:
        held["loop"].call_soon_threadsafe(held["stop"].set)
        thread.join(10.0)


@contextmanager
def silent():
    """An endpoint that takes requests and never answers; counts who comes and who leaves."""
    seen = {"asked": 0, "left": 0}

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        seen["asked"] += 1
        while await reader.read(65536):
            pass
        seen["left"] += 1
        writer.close()

    with answering(answer) as url:
        yield url, seen


def wait_for(holds):
    until = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_ends_what_is_under_way(world, tmp_path, stream):
    with silent() as (url, seen):
        catalogue = listed(tmp_path / "models.toml", pointed_at(url, MODELS))
        config = ServeConfig(log=str(tmp_path / "log"))
        with running([world.policies["large"]], catalogue, config) as gateway:

            async def leave():
                base = str(gateway.client.base_url)
                async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
                    body = asking("hello", stream=stream)
                    post = client.post(f"{base}{CHAT}", json=body, headers={"x-request-id": "one"})
                    asked = asyncio.create_task(post)
                    while not seen["asked"]:
                        await asyncio.sleep(0.02)
                    again = await client.post(
                        f"{base}{CHAT}", json=body, headers={"x-request-id": "one"}
                    )
                    asked.cancel()
                    await asyncio.gather(asked, return_exceptions=True)
                    return again

            assert refusal(asyncio.run(leave())) == (409, "duplicate_request_id")
            wait_for(lambda: seen["left"] == 1)
            wait_for(lambda: not gateway.service.gateway.under_way)
            assert gateway.service.gateway.totals["requests", "chat", "large", "cancelled"] == 1
    (record,) = decisions(tmp_path / "log")
    assert record["status"] == "cancelled"


@contextmanager
def talking():
    """An endpoint that streams word after word for a long time."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
        piece = {"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
        event = b"data: " + json.dumps(piece).encode() + b"\n\n"
        try:
            writer.write(head)
            for _ in range(1000):
                writer.write(event)
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        writer.close()

    with answering(answer) as url:
        yield url


def test_the_event_of_a_caller_that_left_has_the_cost_of_the_log(world, tmp_path):
    with talking() as url:
        catalogue = listed(tmp_path / "models.toml", pointed_at(url, MODELS))
        config = ServeConfig(log=str(tmp_path / "log"), log_requests=True)
        with running([world.policies["large"]], catalogue, config) as gateway:
            body = asking("hello", stream=True)
            with gateway.client.stream("POST", CHAT, json=body) as reply:
                lines = reply.iter_lines()
                while "word" not in next(lines):
                    pass
            wait_for(lambda: not gateway.service.gateway.under_way)
            wait_for(lambda: any(it["event"] == "request" for it in gateway.events))
            (event,) = [it for it in gateway.events if it["event"] == "request"]
    (record,) = decisions(tmp_path / "log")
    assert event["status"] == record["status"] == "cancelled"
    assert event["cost_usd"] == record["cost_usd"] > 0.0


@pytest.mark.parametrize(
    "query",
    ["api_key=x", "API%5fKEY=x", "a=b;key=x", "x-api-key=1", "authorization=Bearer+x", "%74oken=x",
     "q=rl-" + "a" * 43],
)  # fmt: skip
def test_a_key_in_an_address_is_seen_however_it_is_written(gateway, query):
    assert refusal(gateway.client.post(f"{CHAT}?{query}", json={})) == (400, "key_in_address")


def test_who_asks_is_said_once(keyed, world, tmp_path):
    """Of a caller's own header and a proxy's beside it, either might be believed."""
    gateway, keys, _, _ = keyed
    body = asking(prompt(world.log, 0), model="routelab/small")
    for values in ((keys["ann"], "x"), ("x", keys["ann"])):
        twice = [("authorization", f"Bearer {it}") for it in values]
        reply = gateway.client.post(CHAT, json=body, headers=twice)
        assert refusal(reply) == (400, "header_twice")
    same = [("authorization", f"Bearer {keys['ann']}")] * 2
    assert gateway.client.post(CHAT, json=body, headers=same).status_code == 200
    rules = CallerRules(tenant_header="x-tenant", trusted=("127.0.0.1",))
    with running([world.policies["small"]], world.catalogue, ServeConfig(callers=rules)) as behind:
        twice = [("x-tenant", "north"), ("x-tenant", "south")]
        reply = behind.client.post(CHAT, json=body, headers=twice)
        assert refusal(reply) == (400, "header_twice")
        assert behind.client.post(CHAT, json=body, headers=twice[1:]).status_code == 200


OTHER = {"origin": "http://elsewhere.example"}


def test_pages_of_other_sites_do_not_ask_a_server_that_knows_no_keys(gateway, keyed, world):
    """Any page has its reader's browser send requests to the reader's own machine."""
    own = str(gateway.client.base_url).rstrip("/")
    body = asking(prompt(world.log, 0), model="routelab/small")
    for origin in (OTHER, {"origin": "null"}, {"origin": f"{own}.elsewhere.example"}):
        reply = gateway.client.post(CHAT, json=body, headers=origin)
        assert refusal(reply) == (403, "foreign_origin")
    for origin in ({"origin": own}, {**OTHER, "sec-fetch-site": "same-origin"}):
        assert gateway.client.post(CHAT, json=body, headers=origin).status_code == 200
    with_key, keys, _, _ = keyed  # which a browser does not add by itself
    headers = {**OTHER, **bearer(keys["ann"])}
    assert with_key.client.post(CHAT, json=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "origins", [("http://elsewhere.example/",), ("http://Elsewhere.example",), ("*",)]
)
def test_pages_that_are_meant_may_ask(world, origins):
    body = asking(prompt(world.log, 0), model="routelab/small")
    config = ServeConfig(callers=CallerRules(origins=origins))
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        assert gateway.client.post(CHAT, json=body, headers=OTHER).status_code == 200
        others = gateway.client.post(CHAT, json=body, headers={"origin": "http://a.example"})
        assert others.status_code == (200 if origins == ("*",) else 403)


@pytest.mark.parametrize("given", ["caf\xe9 \u4e2d".encode(), b"caf%C3%A9%20%E4%B8%AD"])
def test_an_id_of_any_letters_is_the_same_by_every_entry_and_in_feedback(gateway, world, given):
    body = asking(prompt(world.log, 0), model="routelab/small")
    reply = gateway.client.post(CHAT, json=body, headers=[(b"x-request-id", given)])
    assert reply.json()["routelab"]["decision"] == "caf\xe9 \u4e2d"
    assert (b"x-request-id", given) in reply.headers.raw
    for decision in (reply.headers["x-routelab-decision"], "caf\xe9 \u4e2d"):
        joined = gateway.client.post("/v1/feedback", json={"decision": decision, "quality": 1})
        assert joined.json() == {"decision": "caf\xe9 \u4e2d", "quality": 1.0, "joined": True}
