"""Queues beside the server: a broker that is away, and a group that is lost, end nothing."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from brokers_world import OwnBroker, client, own_broker
from serve_world import CHAT, asking, prompt, running

from routelab.serve import ServeConfig
from routelab.serve.settings import DeliveryRule, DeliveryRules, DestinationRule, QueueRules


def waited(gateway, event, n=1, seconds=60.0):
    until_s = time.monotonic() + seconds
    while len(found := [it for it in gateway.events if it["event"] == event]) < n:
        assert time.monotonic() < until_s, gateway.events
        time.sleep(0.02)
    return found


def settings(by, url, folder, **more):
    rules = QueueRules(**by.settings(url, **more))
    to = {"bus": DestinationRule(queue="jobs", topic=by.topic("other"))}
    return ServeConfig(
        queue=(rules,),
        delivery=DeliveryRules(
            log=str(folder / "d.sqlite"), dead_letters=str(folder / "dead.jsonl"), to=to,
            rule=(DeliveryRule(to=("bus",), outcomes=("answered",)),), backoff_s=0.2,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["nats", "redis"])
def test_a_broker_that_is_away_is_looked_for_until_it_is_there(kind, world, tmp_path):
    body = asking(prompt(world.log, 0), model="routelab/small")
    with own_broker(kind, tmp_path / "broker") as broker:

        async def put_and_read():
            async with client(kind, broker.url) as by:
                await by.put("low", json.dumps(body).encode(), id="a")
                return await by.wait("results"), by

        async def named():
            async with client(kind, broker.url) as by:
                return by

        by = asyncio.run(named())
        broker.stop()
        config = settings(by, broker.url, tmp_path)
        with running([world.policies["small"]], world.catalogue, config) as gateway:
            (first, *_) = waited(gateway, "queue unreachable")
            assert "is it there, and its address right?" in first["message"]
            reply = gateway.client.post(CHAT, json=body, headers={"x-request-id": "http"})
            assert reply.status_code == 200
            broker.start()
            waited(gateway, "queue open")

            async def ask():
                async with client(kind, broker.url) as asking_by:
                    asking_by.prefix = by.prefix
                    await asking_by.put("low", json.dumps(body).encode(), id="a")
                    return await asking_by.wait("results"), await asked_topic(asking_by)

            async def asked_topic(asking_by):
                """A topic that a rule names has answers of every entry, also of the time before."""
                until_s = time.monotonic() + 60.0
                while len(found := await asking_by.all("other")) < 2:
                    assert time.monotonic() < until_s, found
                    await asyncio.sleep(0.05)
                return found

            if kind == "nats":  # whose topics have to be in a stream
                import nats

                async def streamed():
                    connection = await nats.connect(broker.url)
                    await connection.jetstream().add_stream(
                        name="other", subjects=[by.topic("other")]
                    )
                    await connection.close()

                asyncio.run(streamed())
            results, others = asyncio.run(ask())
            assert [it.attributes["id"] for it in results] == ["a"]
            assert {it.attributes["id"] for it in others} == {"a", "http"}


def test_a_consumer_group_that_is_lost_is_made_again(world, tmp_path):
    body = json.dumps(asking(prompt(world.log, 0), model="routelab/small")).encode()
    with own_broker("redis", tmp_path / "broker") as broker:

        async def first():
            async with client("redis", broker.url) as by:
                return by

        by = asyncio.run(first())
        config = settings(by, broker.url, tmp_path)
        with running([world.policies["small"]], world.catalogue, config) as gateway:
            waited(gateway, "queue open")

            async def lose():
                async with client("redis", broker.url) as asking_by:
                    asking_by.prefix = by.prefix
                    await asking_by.delete()

            asyncio.run(lose())
            waited(gateway, "queue open", 2)

            async def ask():
                async with client("redis", broker.url) as asking_by:
                    asking_by.prefix = by.prefix
                    await asking_by.put("high", body, id="a")
                    return await asking_by.wait("results")

            (result,) = asyncio.run(ask())
            assert result.attributes["outcome"] == "answered"


def test_a_topic_without_a_stream_is_told(world, tmp_path):
    with own_broker("nats", tmp_path / "broker") as broker:
        assert isinstance(broker, OwnBroker)

        async def first():
            async with client("nats", broker.url) as by:
                return by

        config = settings(asyncio.run(first()), broker.url, tmp_path, declare=False)
        with running([world.policies["small"]], world.catalogue, config) as gateway:
            (first_told, *_) = waited(gateway, "queue unreachable")
            assert "no stream of JetStream has" in first_told["message"]
            assert "set declare" in first_told["message"]
