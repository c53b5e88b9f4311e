"""Answers go where the rules say, each destination once, and none is lost in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from receiver_world import SECRET, outcome, receiving
from serve_world import CHAT, asking, prompt, replayed, running

from routelab.errors import ConfigError
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.events import EventParser
from routelab.serve import EventLog, ServeConfig
from routelab.serve.delivery import (
    DeliveryLog,
    DestinationSender,
    Dispatcher,
    LineFile,
    Outbox,
    Resending,
    UndeliverableError,
)
from routelab.serve.settings import DeliveryRule, DeliveryRules, DestinationRule

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)


def hook(url):
    return DestinationRule(webhook=url, secret_env="HOOK_SECRET")


def rules(folder, to, *rule, **more):
    rule = rule or (DeliveryRule(to=tuple(to)),)
    return DeliveryRules(
        log=str(folder / "d.sqlite"), dead_letters=str(folder / "dead.jsonl"), to=to, rule=rule,
        allow=("127.0.0.1",), **{"backoff_s": 0.02, **more},
    )  # fmt: skip


async def no_topic(*_):
    raise UndeliverableError("there is no broker here")


@asynccontextmanager
async def dispatched(settings, totals=None):
    events = []
    log = DeliveryLog(Path(settings.log), settings.kept_s)
    dispatcher = Dispatcher(
        settings, log, DestinationSender(settings, no_topic),
        EventLog(write=lambda line: events.append(json.loads(line))),
        Counter() if totals is None else totals,
    )  # fmt: skip
    await dispatcher.open()
    try:
        yield Outbox(settings, log, dispatcher), events
    finally:
        await dispatcher.aclose()
        await log.aclose()


async def until(log, **wanted):
    async with asyncio.timeout(30.0):
        while await log.counts() != wanted:
            await asyncio.sleep(0.01)


def lines(path):
    return [json.loads(it) for it in path.read_bytes().splitlines()] if path.exists() else []


def test_rules_choose_by_tenant_task_and_outcome():
    found = DeliveryRules(
        to={it: DestinationRule(file=it) for it in "abc"},
        rule=(
            DeliveryRule(to=("a",), tenants=("north",)),
            DeliveryRule(to=("b", "a"), tasks=("math", "law"), outcomes=("failed",)),
            DeliveryRule(to=("c",), tenants=("south",), caller=False),
        ),
    )
    assert found.chosen("north", "", "answered") == (("a",), True)
    assert found.chosen("north", "law", "failed") == (("a", "b"), True)
    assert found.chosen("south", "math", "failed") == (("b", "a", "c"), False)
    assert found.chosen("south", "math", "answered") == (("c",), False)
    assert found.chosen("", "", "answered") == ((), True)


def test_one_answer_has_several_destinations_and_each_is_noted(tmp_path):
    with receiving(500, 503, 200) as found:
        to = {"hook": hook(found.url), "file": DestinationRule(file=str(tmp_path / "a.jsonl"))}

        async def work():
            async with dispatched(rules(tmp_path, to)) as (outbox, _):
                await outbox.offer(outcome("a"))
                await until(outbox.log, done=2)

        asyncio.run(work())
    assert len(found.posts) == 3
    assert len({it.headers["webhook-id"] for it in found.posts}) == 1
    assert found.posts[0].content == found.posts[2].content
    body = found.posts[2].body
    assert (body["type"], body["timestamp"]) == ("routelab.answer", "2023-11-14T22:13:20Z")
    assert body["data"]["body"]["routelab"] == {"cost_usd": 0.1}
    (line,) = lines(tmp_path / "a.jsonl")
    assert {it: line[it] for it in body} == body


def test_what_cannot_be_delivered_is_kept_and_sent_again(tmp_path):
    with receiving(500) as found:
        to = {"hook": hook(found.url)}
        settings = rules(tmp_path, to, tries=3)

        async def work():
            async with dispatched(settings) as (outbox, events):
                for name in "abc":
                    await outbox.offer(outcome(name))
                await until(outbox.log, dead=3)
                return events

        events = asyncio.run(work())
        letters = lines(tmp_path / "dead.jsonl")
        assert len(found.posts) == 9
        assert {(it["destination"], it["tries"]) for it in letters} == {("hook", 3)}
        assert {it["reason"] for it in letters} == {"it answers 500"}
        assert [it["event"] for it in events] == ["delivery given up"] * 3
        found.answers[:] = [200, 500, 200]
        del found.posts[:]
        command = [sys.executable, "-c",
                   "from routelab.cli import main; raise SystemExit(main())"]  # fmt: skip
        (tmp_path / "serve.toml").write_text(
            f"""
            [delivery]
            log = "d.sqlite"
            dead_letters = "dead.jsonl"
            allow = ["127.0.0.1"]
            [delivery.to.hook]
            webhook = "{found.url}"
            secret_env = "HOOK_SECRET"
            """,
            encoding="utf-8",
        )
        words = ["redeliver", "--config", str(tmp_path / "serve.toml")]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PYTHONPATH": str(PROJECT / "src")})  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert "2 of 3 delivered" in done.stderr
        (left,) = lines(tmp_path / "dead.jsonl")
        tried = [it.body["data"]["id"] for it in found.posts]
        assert sorted(tried) == ["a", "b", "c"]
        assert left["outcome"]["id"] == tried[1]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PYTHONPATH": str(PROJECT / "src")})  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert [it.body["data"]["id"] for it in found.posts] == [*tried, tried[1]]
        assert not (tmp_path / "dead.jsonl").exists()
        assert not list(tmp_path.glob("*.sen*"))


def test_a_resending_that_is_killed_sends_nothing_twice_and_loses_nothing(tmp_path):
    path = tmp_path / "dead.jsonl"
    letter = {"key": "k", "destination": "d", "reason": "r", "tries": 1, "at_s": 0.0}
    told = {"id": "a", "entry": "chat", "outcome": "answered", "status": 200, "content": "e30=",
            "at_s": 0.0}  # fmt: skip
    for name in "abc":
        line = {**letter, "outcome": {**told, "id": name}}
        LineFile(path).append(json.dumps(line).encode())
    killed = Resending(path)
    killed.__enter__()
    assert [it.outcome.id for _, it in killed.letters()] == ["a", "b", "c"]
    killed.sent(0)
    with pytest.raises(ConfigError, match="another process"), Resending(path):
        pass
    killed._file.close()  # as its end does
    LineFile(path).append(json.dumps({**letter, "outcome": {**told, "id": "d"}}).encode())
    with Resending(path) as again:
        assert [it.outcome.id for _, it in again.letters()] == ["b", "c"]
        again.sent(1)
    assert [it["outcome"]["id"] for it in lines(path)] == ["d", "c"]
    LineFile(path).append(b"{}")
    with Resending(path) as wrong, pytest.raises(ConfigError, match="line 3 is no dead letter"):
        list(wrong.letters())
    assert len(path.read_bytes().splitlines()) == 3


def test_a_slow_destination_holds_up_no_other(tmp_path):
    with receiving(500) as slow, receiving() as quick:
        to = {"slow": hook(slow.url), "quick": hook(quick.url)}
        settings = rules(tmp_path, to, at_once=1, backoff_s=60.0)

        async def work():
            async with dispatched(settings) as (outbox, _):
                for n in range(20):
                    await outbox.offer(outcome(str(n)))
                await until(outbox.log, done=20, due=20)

        asyncio.run(work())
    assert len(quick.posts) == 20


KILLED = """
import asyncio, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from receiver_world import outcome
from test_delivery import dispatched, rules, hook
async def work():
    settings = rules(Path({folder!r}), {{"hook": hook({url!r})}}, at_once=2)
    async with dispatched(settings) as (outbox, _):
        for n in range(200):
            await outbox.offer(outcome(str(n)))
            print(n, flush=True)
        await asyncio.sleep(60)
asyncio.run(work())
"""


def test_deliveries_go_on_after_a_kill(tmp_path):
    """What was taken is delivered by whoever comes next; at most what was under way comes twice."""
    with receiving() as found:
        here = Path(__file__).parent
        code = KILLED.format(
            paths=[str(here), str(here.parent)], folder=str(tmp_path), url=found.url
        )
        environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            taken = -1
            for line in process.stdout:
                taken = int(line)
                if len(found.posts) >= 20 and taken >= 50:
                    break
            process.send_signal(signal.SIGKILL)
            taken = max([taken, *map(int, process.stdout.read().split())])
            process.wait()
        before = len(found.posts)
        assert before < 200

        async def rest():
            settings = rules(tmp_path, {"hook": hook(found.url)})
            async with dispatched(settings) as (outbox, _):
                async with asyncio.timeout(60.0):
                    while (await outbox.log.counts()).get("due"):
                        await asyncio.sleep(0.02)
                return await outbox.log.counts()

        counts = asyncio.run(rest())
    posted = Counter(it.body["data"]["id"] for it in found.posts)
    assert set(posted) >= {str(n) for n in range(taken + 1)}
    assert counts == {"done": len(posted)}
    assert sum(n - 1 for n in posted.values()) <= 2
    ids = {it.body["data"]["id"]: it.headers["webhook-id"] for it in found.posts}
    assert len(set(ids.values())) == len(posted)  # by which a receiver drops a second one


def test_answers_and_failures_over_http_are_delivered_too(sample_log, tmp_path):
    with (
        receiving() as found,
        replayed(sample_log, tmp_path) as world,
    ):
        to = {"hook": hook(found.url), "file": DestinationRule(file=str(tmp_path / "f.jsonl"))}
        settings = rules(
            tmp_path, to, DeliveryRule(to=("hook",), outcomes=("answered",)),
            DeliveryRule(to=("file",), outcomes=("failed",), tasks=("law",)),
        )  # fmt: skip
        config = ServeConfig(delivery=settings)
        with running([world.policies["small"]], world.catalogue, config) as gateway:
            body = asking(prompt(sample_log, 0))
            plain = gateway.client.post(CHAT, json=body, headers={"x-request-id": "p"}).json()
            streamed = gateway.client.post(
                CHAT, json={**body, "stream": True}, headers={"x-request-id": "s"}
            )
            assert streamed.text.endswith("data: [DONE]\n\n")
            gateway.client.post(CHAT, json=asking("unknown", task="law"))
            gateway.client.post(CHAT, json=asking("unknown", task="math"))
            until_s = time.monotonic() + 30.0
            while len(found.posts) < 2 or not (tmp_path / "f.jsonl").exists():
                assert time.monotonic() < until_s
                time.sleep(0.01)
            metrics = gateway.client.get("/metrics").text
        posted = {it.body["data"]["id"]: it.body["data"] for it in found.posts}
        assert posted["p"]["body"] == plain
        assembly = Assembly()
        for event in EventParser().feed(streamed.content)[:-1]:
            assembly.add(json.loads(event.data))
        assert posted["s"]["body"]["choices"] == assembly.body()["choices"]
        assert posted["s"]["body"]["routelab"]["decision"] == "s"
        (failure,) = lines(tmp_path / "f.jsonl")
        assert failure["type"] == "routelab.failure"
        assert failure["data"]["code"] == "no_model_answered"
        assert failure["data"]["task"] == "law"
        assert 'routelab_gateway_deliveries_total{result="delivered"}' in metrics


def test_a_file_is_never_left_with_half_a_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"half')
    LineFile(path).append(b'{"b": 2}')
    assert path.read_bytes().splitlines() == [b'{"a": 1}', b'{"half', b'{"b": 2}']


def test_what_is_old_is_forgotten_and_what_is_due_is_not(tmp_path):
    now = [1000.0]

    async def work():
        log = DeliveryLog(tmp_path / "d.sqlite", 60.0, lambda: now[0])
        await log.settle("done", outcome("a"), due=["x"])
        await log.delivered("done", ["x"])
        await log.settle("due", outcome("b"), due=["x"])
        assert await log.forget() == 0
        now[0] += 61.0
        assert await log.forget() == 1
        claims = [await log.claim(key, "", "p") for key in ("done", "due")]
        await log.aclose()
        return [it.state for it in claims]

    assert asyncio.run(work()) == ["mine", "answered"]


def test_a_request_of_a_living_process_is_not_taken_from_it(tmp_path):
    async def work():
        first = DeliveryLog(tmp_path / "d.sqlite", 60.0)
        second = DeliveryLog(tmp_path / "d.sqlite", 60.0)
        states = [
            (await first.claim("k", "x", "p")).state,
            (await second.claim("k", "x", "p")).state,
        ]
        await first.aclose()
        claim = await second.claim("k", "x", "p")
        states.append(f"{claim.state} {claim.tries}")
        await second.settle("k", outcome())
        third = DeliveryLog(tmp_path / "d.sqlite", 60.0)
        states.append((await third.claim("k", "x", "q")).state)
        states.append((await third.claim("k", "y", "q")).state)
        await second.aclose()
        await third.aclose()
        return states

    found = asyncio.run(work())
    assert found == ["mine", "under way", "mine 2", "answered", "different"]
    assert not list(tmp_path.glob(".*.lock"))


def test_a_log_that_is_none_is_refused(tmp_path):
    (tmp_path / "d.sqlite").write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(ConfigError, match=r"d\.sqlite: cannot be opened as an SQLite file"):
        DeliveryLog(tmp_path / "d.sqlite", 60.0)
    with pytest.raises(ConfigError, match="give another place"):
        DeliveryLog(tmp_path / "none" / "d.sqlite", 60.0)
