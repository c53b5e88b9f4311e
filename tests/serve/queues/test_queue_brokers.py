"""Messages of real brokers: answered once, where they say, or put among the dead letters."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from brokers_world import REAL, URLS, client, skip_without
from queue_world import in_loop, opened
from serve_world import asking, prompt, replayed, running

from routelab.serve import CallerRules, ServeConfig, new_key
from routelab.serve.config import GatewayLimits, LimitRule
from routelab.serve.settings import QueueRules


@pytest.fixture(params=REAL)
def kind(request):
    skip_without(request.param)
    return request.param


def body_of(log, row=0, policy="large", **more):
    return json.dumps(asking(prompt(log, row), model=f"routelab/{policy}", **more)).encode()


def asked_of(gateway):
    """Requests that queues had answered so far."""
    totals = gateway.service.gateway.totals
    return sum(n for key, n in totals.items() if key[:2] == ("requests", "queue"))


def tried(gateway, kind, folder, work, **rules):
    """What a test does with a client of an open queue."""

    async def run():
        async with client(kind) as asking_by:
            settings = QueueRules(**asking_by.settings(URLS[kind], **rules))
            async with opened(gateway, settings, folder) as queue:
                return await work(asking_by, queue)

    return in_loop(gateway, run())


def test_an_answer_is_where_the_message_and_the_settings_say(gateway, world, kind, tmp_path):
    async def work(by, queue):
        await by.listen("reply")
        body = body_of(world.log)
        await by.put("low", body, id="a", subject="case 7", reply="reply", correlationid="c7")
        (reply,) = await by.wait("reply")
        (result,) = await by.wait("results")
        states = await queue.log.counts()
        while states != {"done": 2}:
            await asyncio.sleep(0.01)
            states = await queue.log.counts()
        return reply, result

    reply, result = tried(gateway, kind, tmp_path, work)
    assert reply.body == result.body
    assert reply.attributes["type"] == "routelab.answer"
    assert {"id": "a", "subject": "case 7", "outcome": "answered", "model": "frontier"}.items() <= (
        reply.attributes.items()
    )
    assert json.loads(reply.body)["routelab"]["decision"] == "a"


def test_a_request_that_comes_again_is_not_asked_again(gateway, world, kind, tmp_path):
    async def work(by, queue):
        before = asked_of(gateway)
        body = body_of(world.log, 1)
        await by.listen("reply")
        await by.listen("other")
        for _ in range(20):
            await by.put("low", body, id="a", reply="reply")
        await by.wait("reply")
        await by.put("low", body, id="a", reply="other")
        (other,) = await by.wait("other")
        await by.put("low", body, id="b")  # once it is answered, all before it were looked at
        await by.wait("results", 2)
        while queue.worker.held:
            await asyncio.sleep(0.01)
        return asked_of(gateway) - before, await by.all("reply"), await by.all("results"), other

    asked, replies, results, other = tried(gateway, kind, tmp_path, work)
    assert asked == 2
    assert [it.attributes["id"] for it in results] == ["a", "b"]
    assert len(replies) == 1
    assert other.body == replies[0].body


def test_what_is_no_request_is_a_dead_letter_at_once(gateway, world, kind, tmp_path):
    async def work(by, queue):
        before = asked_of(gateway)
        await by.put("low", b"not json", id="a", authorization="Bearer secret")
        await by.put("high", body_of(world.log), specversion="2.0", id="b")
        await by.put("high", b"[1]", id="c")
        await by.put("low", body_of(world.log), id="d" * 300)
        letters = await by.wait("dead", 4)
        return letters, asked_of(gateway) - before, await by.all("results")

    letters, asked, results = tried(gateway, kind, tmp_path, work)
    assert (asked, results) == (0, [])
    told = {it.attributes["deadcode"]: it for it in letters}
    assert set(told) == {"invalid_json", "unknown_version", "invalid_request_id"}
    assert b"not json" in [it.body for it in letters]
    assert not any("secret" in str(it) for it in letters)
    assert all(it.attributes["deadreason"] for it in letters)


def test_a_failure_that_may_pass_is_tried_again_and_then_told(gateway, world, kind, tmp_path):
    async def work(by, queue):
        before = asked_of(gateway)
        body = json.dumps(asking("not in the log", model="routelab/large")).encode()
        await by.put("low", body, id="a")
        await by.put("low", json.dumps({"messages": "a", "model": "nobody"}).encode(), id="b")
        letters = await by.wait("dead", 2)
        results = await by.wait("results", 2)
        return letters, results, asked_of(gateway) - before

    letters, results, asked = tried(gateway, kind, tmp_path, work, tries=3)
    by_code = {it.attributes["deadcode"]: it.attributes for it in letters}
    assert by_code["no_model_answered"]["deadtries"] == "3"
    assert by_code["model_not_found"]["deadtries"] == "1"
    assert "nobody" in by_code["model_not_found"]["deadreason"]
    assert asked == 3  # a name that names nothing is not let in
    assert {it.attributes["type"] for it in results} == {"routelab.failure"}
    assert {json.loads(it.body)["error"]["code"] for it in results} == set(by_code)


def test_a_dead_letter_that_is_sent_again_is_asked_again(gateway, world, kind, tmp_path):
    async def work(by, queue):
        await by.put("low", json.dumps({"messages": "a", "model": "nobody"}).encode(), id="a")
        await by.wait("dead")
        await by.put("low", body_of(world.log), id="a")
        return await by.wait("results", 2)

    results = tried(gateway, kind, tmp_path, work)
    assert [it.attributes["outcome"] for it in results] == ["failed", "answered"]


def test_an_id_is_of_one_request(gateway, world, kind, tmp_path):
    async def work(by, queue):
        await by.put("low", body_of(world.log, 1), id="a")
        await by.wait("results")
        await by.put("low", body_of(world.log, 2), id="a")
        (letter,) = await by.wait("dead")
        return letter, await by.wait("results", 2)

    letter, results = tried(gateway, kind, tmp_path, work)
    assert letter.attributes["deadcode"] == "duplicate_request_id"
    assert [it.attributes["outcome"] for it in results] == ["answered", "failed"]


def test_answers_go_to_no_topic_of_requests(gateway, world, kind, tmp_path):
    async def work(by, queue):
        await by.put("low", body_of(world.log), id="a", reply="high")
        await by.put("low", body_of(world.log), id="b", reply="dead")
        await by.wait("results", 2)
        return await by.all("dead"), await by.all("high")

    dead, _ = tried(gateway, kind, tmp_path, work)
    assert dead == []
    refused = [it for it in gateway.events if it["event"] == "reply refused"]
    assert refused


def test_a_judgement_is_joined_to_its_decision(gateway, world, kind, tmp_path):
    async def work(by, queue):
        await by.put("low", body_of(world.log), id=f"judged-{kind}")
        await by.wait("results")
        joined = gateway.service.gateway.totals["feedback", "joined"]
        told = {"decision": f"judged-{kind}", "quality": 0.5, "source": "thumbs"}
        await by.put("feedback", json.dumps(told).encode(), id="f1")
        await by.put("feedback", json.dumps({**told, "quality": 5}).encode(), id="f2")
        (letter,) = await by.wait("dead")
        until = time.monotonic() + 30.0
        while gateway.service.gateway.totals["feedback", "joined"] == joined:
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        return letter

    letter = tried(gateway, kind, tmp_path, work)
    assert letter.attributes["deadcode"] == "invalid_value"
    assert "quality=5" in letter.attributes["deadreason"]


def test_an_event_may_be_whole_in_the_body(gateway, world, kind, tmp_path):
    async def work(by, queue):
        event = {
            "specversion": "1.0", "id": "whole", "source": "/tests", "type": "chat",
            "data": json.loads(body_of(world.log)),
        }  # fmt: skip
        mark = {"datacontenttype": "application/cloudevents+json"}
        await by.put("low", json.dumps(event).encode(), **mark)
        return await by.wait("results")

    (result,) = tried(gateway, kind, tmp_path, work)
    assert result.attributes["id"] == "whole"


def test_a_worker_that_stops_gives_back_what_it_did_not_begin(sample_log, kind, tmp_path):
    with (
        replayed(sample_log, tmp_path) as world,
        running([world.policies["small"]], world.catalogue) as gateway,
    ):

        async def work():
            async with client(kind) as by:
                rules = QueueRules(**by.settings(URLS[kind], at_once=2, prefetch=4, lease_s=1.0))
                async with opened(gateway, rules, tmp_path) as queue:
                    for n in range(30):
                        await by.put("low", body_of(sample_log, n, "small"), id=str(n))
                    await by.wait("results", 3)
                    await queue.worker.drain()
                    assert not queue.worker._busy
                    first = len(await by.all("results"))
                async with opened(gateway, rules, tmp_path):
                    await by.wait("results", 30)
                return first, await by.all("results")

        first, results = in_loop(gateway, work())
        assert 3 <= first <= 30  # a fast worker has begun them all by then
        assert sorted(int(it.attributes["id"]) for it in results) == list(range(30))
        assert asked_of(gateway) == 30


def test_limits_of_a_tenant_slow_its_messages_down_and_fail_none(sample_log, kind, tmp_path):
    limits = GatewayLimits(tenants={"north": LimitRule(requests_per_minute=1200, burst=1)})
    with (
        replayed(sample_log, tmp_path) as world,
        running([world.policies["small"]], world.catalogue, ServeConfig(limits=limits)) as gateway,
    ):

        async def work(by, queue):
            for n in range(10):
                await by.put("low", body_of(sample_log, n, "small"), id=str(n), tenant="north")
            await by.put("low", body_of(sample_log, 0, "small"), id="nobody's")
            return await by.wait("results", 10), await by.wait("dead")

        results, (letter,) = tried(gateway, kind, tmp_path, work, tenant_attribute="tenant")
        assert {it.attributes["outcome"] for it in results} == {"answered"}
        assert {it.attributes["tenant"] for it in results} == {"north"}
        assert letter.attributes["deadcode"] == "no_tenant"
        assert asked_of(gateway) >= 10


def test_messages_have_keys_where_callers_do(sample_log, kind, tmp_path):
    key, table = new_key("ann", "north")
    (tmp_path / "keys.toml").write_text(table, encoding="utf-8")
    config = ServeConfig(callers=CallerRules(keys=str(tmp_path / "keys.toml")))
    with (
        replayed(sample_log, tmp_path) as world,
        running([world.policies["small"]], world.catalogue, config) as gateway,
    ):

        async def work(by, queue):
            body = body_of(sample_log, 0, "small")
            await by.put("low", body, id="a", authorization=f"Bearer {key}")
            await by.put("low", body, id="b", authorization="Bearer rl-wrong")
            await by.put("low", body, id="c")
            return await by.wait("results", 3), await by.wait("dead", 2)

        results, letters = tried(gateway, kind, tmp_path, work)
        told = {it.attributes["id"]: it.attributes for it in results}
        assert told["a"]["outcome"] == "answered"
        assert told["a"]["tenant"] == "north"
        assert (told["b"]["code"], told["c"]["code"]) == ("invalid_api_key", "no_api_key")
        assert not any("rl-" in str(it) for it in [*results, *letters])
