"""What a worker does in which order, with messages that are handed to it one by one."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager

import pytest
from queue_world import in_loop, nowhere
from serve_world import asking, prompt

from routelab.runtime.redaction import load_redactor
from routelab.serve.config import GatewayLimits
from routelab.serve.delivery import (
    DeliveryLog,
    DestinationSender,
    Dispatcher,
    Outbox,
    OutcomeRedaction,
)
from routelab.serve.queues import MessageBroker, PoisonError, QueueMessage, QueueWorker
from routelab.serve.queues.message import read_message
from routelab.serve.queues.offsets import OffsetTracker
from routelab.serve.settings import DeliveryRules, QueueRules

RULES = QueueRules(
    name="jobs", broker="nats", url="nats://127.0.0.1:1", stream="S", sources=("high", "low"),
    dead_letters="dead", results="results", at_once=1, prefetch=4, lease_s=0.3, backoff_s=0.01,
)  # fmt: skip


def read_now(message, rules, limits):
    """What a message asks for, where no loop runs."""
    return asyncio.run(read_message(message, rules, limits))


class HandBroker(MessageBroker):
    """A broker whose messages a test hands over itself."""

    def __init__(self, rules, settled=None):
        super().__init__(rules)
        self.settled = settled
        self.done, self.sent, self.released, self.renewed = [], [], [], []
        self.failures = 0

    async def open(self, take):
        """It is open."""

    async def settle(self, message, publications):
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the connection is cut")
        self.done.append(message)
        self.sent += publications

    async def publish(self, publication):
        self.sent.append(publication)

    async def release(self, message):
        self.released.append(message)

    async def renew(self, messages):
        self.renewed.append(len(messages))

    async def pause(self):
        """Nothing comes by itself."""

    async def aclose(self):
        """Nothing is open."""


def message(log, name, topic="low", row=0, **headers):
    body = json.dumps(asking(prompt(log, row), model="routelab/small")).encode()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return QueueMessage(topic, body, {"ce-id": name, **named}, f"{topic}:{name}", None)


@asynccontextmanager
async def worker_of(gateway, folder, rules=RULES, delivery=None, redaction=None):
    service = gateway.service
    broker = HandBroker(rules)
    log = DeliveryLog(folder / "d.sqlite", 3600.0)
    delivery = delivery or DeliveryRules()
    sender = DestinationSender(delivery, nowhere)
    dispatcher = Dispatcher(delivery, log, sender, service.events, service.gateway.totals)
    worker = QueueWorker(
        rules, broker, service.gateway, service.doorkeeper, GatewayLimits(),
        Outbox(delivery, log, dispatcher, redaction=redaction), nowhere,
    )  # fmt: skip
    try:
        yield worker, broker
    finally:
        await worker.aclose()
        await dispatcher.aclose()
        await log.aclose()


async def all_done(broker, n):
    async with asyncio.timeout(30.0):
        while len(broker.done) < n:
            await asyncio.sleep(0.005)
    return [it.headers["ce-id"] for it in broker.done]


def test_urgent_messages_are_answered_first(gateway, world, tmp_path):
    rules = QueueRules(
        **{it: getattr(RULES, it) for it in RULES.__struct_fields__} | {
            "priority_attribute": "priority", "priorities": ("now", "soon"), "prefetch": 8,
        }
    )  # fmt: skip

    async def work():
        async with worker_of(gateway, tmp_path, rules) as (worker, broker):
            for name, topic, priority in (
                ("a", "low", "later"), ("b", "low", "soon"), ("c", "high", "later"),
                ("d", "low", "now"), ("e", "high", "now"), ("f", "low", "soon"),
                ("g", "high", ""),
            ):  # fmt: skip
                await worker.take(message(world.log, name, topic, ce_priority=priority))
            worker.start()
            return await all_done(broker, 7)

    assert in_loop(gateway, work()) == ["e", "c", "g", "d", "b", "f", "a"]


def test_no_more_is_held_than_there_is_room_for(gateway, world, tmp_path):
    async def work():
        async with worker_of(gateway, tmp_path) as (worker, broker):
            for n in range(4):
                await worker.take(message(world.log, str(n)))
            fifth = asyncio.create_task(worker.take(message(world.log, "4")))
            await asyncio.sleep(0.1)
            waited = not fifth.done()
            await worker.take(message(world.log, "urgent", "high"))  # which has room of its own
            worker.start()
            await fifth
            return waited, await all_done(broker, 6)

    waited, done = in_loop(gateway, work())
    assert waited
    assert done[0] == "urgent"


def test_what_is_held_has_its_lease_renewed_while_it_waits(gateway, world, tmp_path):
    rules = QueueRules(
        **{it: getattr(RULES, it) for it in RULES.__struct_fields__} | {"backoff_s": 60.0}
    )

    async def work():
        async with worker_of(gateway, tmp_path, rules) as (worker, broker):
            worker.start()
            failing = QueueMessage(
                "low", json.dumps(asking("not in the log", model="routelab/large")).encode(),
                {"ce-id": "f"}, "low:f", None,
            )  # fmt: skip
            await worker.take(failing)
            async with asyncio.timeout(30.0):
                while len(broker.renewed) < 3:
                    await asyncio.sleep(0.01)
            return broker.renewed[-1], broker.done

    assert in_loop(gateway, work()) == (1, [])


def test_an_answer_that_was_not_sent_off_is_sent_when_its_message_comes_again(
    gateway, world, tmp_path
):
    totals = gateway.service.gateway.totals

    async def work():
        async with worker_of(gateway, tmp_path) as (worker, broker):
            worker.start()
            broker.failures = 1
            await worker.take(message(world.log, "a"))
            while broker.failures or worker.held:
                await asyncio.sleep(0.005)
            before = totals["requests", "queue", "small", "answered"]
            sent = list(broker.sent)
            await worker.take(message(world.log, "a"))
            await all_done(broker, 1)
            asked = totals["requests", "queue", "small", "answered"] - before
            return sent, [it.topic for it in broker.sent], asked

    assert in_loop(gateway, work()) == ([], ["results"], 0)


def test_a_message_that_ends_its_worker_each_time_is_a_dead_letter(gateway, world, tmp_path):
    """As far as can be told, it is what ends them: a worker that is killed leaves a claim."""

    async def work():
        async with worker_of(gateway, tmp_path) as (worker, broker):
            found = message(world.log, "a")
            request = await read_message(found, RULES, GatewayLimits())
            for _ in range(RULES.tries):
                log = DeliveryLog(tmp_path / "d.sqlite", 3600.0)
                claim = await log.claim(request.key, request.digest, found.position)
                assert claim.state == "mine"
                await log.aclose()  # without an end of the request
            worker.start()
            await worker.take(found)
            await all_done(broker, 1)
            return broker.sent

    *_, letter = in_loop(gateway, work())
    assert letter.topic == "dead"
    assert letter.attributes["deadcode"] == "never_finished"


def test_a_message_may_say_what_it_is_in_the_words_of_any_binding(world):
    body = json.dumps(asking("a")).encode()
    for names in (
        {"ce-id": "7", "ce-source": "/s", "reply-to": "r"},
        {"ce_id": "7", "ce_source": "/s", "ce_replyto": "r"},
        {"cloudevents:id": "7", "cloudevents_source": "/s", "reply_to": "r"},
        {"id": "7", "source": "/s", "replyto": "r"},
    ):
        read = read_now(QueueMessage("low", body, names, "p", None), RULES, GatewayLimits())
        assert (read.id, read.attributes["source"], read.reply_to) == ("7", "/s", "r")
    plain = read_now(QueueMessage("low", body, {}, "low:3", None), RULES, GatewayLimits())
    assert plain.id == "low:3"


def test_the_same_id_of_another_source_or_tenant_is_another_request():
    body = json.dumps(asking("a")).encode()
    keys = set()
    for source, tenant in (("/a", "x"), ("/b", "x"), ("/a", "y")):
        rules = QueueRules(
            **{it: getattr(RULES, it) for it in RULES.__struct_fields__} | {
                "tenant_attribute": "tenant"
            }
        )  # fmt: skip
        headers = {"ce-id": "7", "ce-source": source, "ce-tenant": tenant}
        keys.add(
            read_now(QueueMessage("low", body, headers, "p", None), rules, GatewayLimits()).key
        )
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", {}, "invalid_json"),
        (b"[]", {}, "invalid_json"),
        (b"[" * 500 + b"]" * 500, {}, "body_too_deep"),
        (b"x" * 20_000_001, {}, "body_too_large"),
        (b"[]", {"content-type": "application/cloudevents-batch+json"}, "batched_events"),
        (b'{"id": "a"}', {"content-type": "application/cloudevents+json; charset=utf-8"},
         "invalid_json"),
        (b'{"data_base64": "!"}', {"content-type": "application/cloudevents+json"},
         "invalid_json"),
    ],
)  # fmt: skip
def test_poison_is_told_for_what_it_is(body, headers, code):
    with pytest.raises(PoisonError) as refused:
        read_now(QueueMessage("low", body, headers, "p", None), RULES, GatewayLimits())
    assert refused.value.code == code
    assert refused.value.reason


def test_offsets_are_committed_up_to_the_first_that_is_not_done():
    tracker = OffsetTracker()
    assert tracker.take() is None
    for offset in range(5, 10):
        tracker.began(offset)
    assert tracker.take() == 5
    tracker.done(6)
    assert tracker.take() is None
    tracker.done(5)
    assert tracker.take() == 7
    for offset in (9, 8, 7):
        tracker.done(offset)
    assert tracker.take() == 10
    assert tracker.take() is None
    for offset in (7, 8):  # the partition was another's, and came back
        tracker.began(offset)
    assert tracker.take() == 7


def test_a_kafka_topic_is_committed_as_it_is_answered(gateway, world, tmp_path):
    pytest.importorskip("faststream", reason="the queue extra is not installed")
    from kafka_world import in_memory

    async def work():
        async with in_memory(gateway, tmp_path) as by:
            body = json.dumps(asking(prompt(world.log, 0), model="routelab/small")).encode()
            await by.put("low", body, id="a", reply="reply")
            (reply,) = await by.wait("reply")
            await by.put("high", b"junk")
            (letter,) = await by.wait("dead")
            async with asyncio.timeout(30.0):
                while len(by.offsets.committed) < 2:
                    await asyncio.sleep(0.05)
            return reply, letter, by.offsets.committed

    reply, letter, committed = in_loop(gateway, work())
    assert reply.attributes["outcome"] == "answered"
    assert letter.attributes["deadcode"] == "invalid_json"
    assert {it.topic for it in committed} == {"memory.low", "memory.high"}
    assert set(committed.values()) == {1}


@pytest.mark.parametrize(("log", "said"), [(("mail",), "[mail]"), ((), "ann@example.org")])
def test_why_a_message_is_dead_is_told_without_addresses(gateway, world, tmp_path, log, said):
    async def work():
        redaction = OutcomeRedaction(load_redactor(log))
        async with worker_of(gateway, tmp_path, redaction=redaction) as (worker, broker):
            worker.start()
            await worker.take(message(world.log, "a", ce_specversion="ann@example.org"))
            await all_done(broker, 1)
            (letter,) = broker.sent
            return letter

    letter = in_loop(gateway, work())
    assert said in letter.attributes["deadreason"]
    assert letter.content == message(world.log, "a").body  # as it came


def test_ids_need_not_be_given(gateway, world, tmp_path):
    async def work():
        async with worker_of(gateway, tmp_path) as (worker, broker):
            worker.start()
            found = message(world.log, "a")._replace(headers={})
            await worker.take(found)
            await worker.take(found._replace(position=f"low:{os.getpid()}"))
            async with asyncio.timeout(30.0):
                while len(broker.done) < 2:
                    await asyncio.sleep(0.005)
            return [it.attributes["id"] for it in broker.sent]

    assert in_loop(gateway, work()) == ["low:a", f"low:{os.getpid()}"]
