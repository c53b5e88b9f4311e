"""How many calls run at once, where nobody said: by deployment, and by host."""

from __future__ import annotations

import asyncio

import pytest
from engine_world import Scripted, engine, idle, question, run, world

from routelab.core.catalogue import Catalogue, Deployment, EngineRules, Model, RetryRules
from routelab.runtime.engine.host import host_of

ONCE = RetryRules(most=0)


def rules(**more):
    return EngineRules(balancing="in_order", retry=ONCE, **more)


def asked_at_once(loop, catalogue, upstream, n, model="m"):
    made = engine(loop, catalogue, upstream)

    async def main():
        return await asyncio.gather(*(made.ask(question(model=model), []) for _ in range(n)))

    return made, main


def test_a_deployment_without_a_limit_has_that_of_the_rules():
    async def main(loop):
        upstream = Scripted(loop, a=200)
        made, ask = asked_at_once(loop, world("a", rules=rules(max_concurrency=7)), upstream, 30)
        got = await ask()
        assert all(it.last is not None for it in got)
        assert upstream.most["a"] == 7
        assert idle(made)

    run(lambda loop: main(loop))


def test_the_default_lets_256_through_and_the_rest_wait_for_their_turn():
    async def main(loop):
        upstream = Scripted(loop, a=lambda count, now: (200, 1.0))
        made, ask = asked_at_once(loop, world("a", rules=rules()), upstream, 2000)
        got = await ask()
        assert all(it.last is not None for it in got)
        assert upstream.most["a"] == 256
        assert loop.time() == pytest.approx(8.0)  # 2000 / 256 rounds of a second
        assert idle(made)

    run(lambda loop: main(loop))


def two_hosts(**more):
    """Models "m" and "n" share a host, "o" is at another."""
    models = {
        name: Model(deployments=(Deployment(f"http://{host}/v1/{name}", name),))
        for name, host in (("m", "one.test"), ("n", "one.test"), ("o", "two.test"))
    }
    return Catalogue(models, rules(**more))


def test_a_host_is_shared_by_its_deployments_and_by_no_other():
    async def main(loop):
        upstream = Scripted(loop, m=lambda *_: (200, 50.0), n=200, o=200)
        made = engine(loop, two_hosts(max_concurrency=8, host_concurrency=10), upstream)
        stuck = [asyncio.create_task(made.ask(question(), [])) for _ in range(20)]
        others = [asyncio.create_task(made.ask(question(model="n"), [])) for _ in range(20)]
        healthy = await asyncio.gather(*(made.ask(question(model="o"), []) for _ in range(8)))
        assert loop.time() == pytest.approx(0.1)
        assert all(it.last is not None for it in healthy)
        assert upstream.under_way["m"] == 8
        assert upstream.most["n"] == 2
        await asyncio.gather(*others)
        assert loop.time() < 2.0
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        assert idle(made)

    run(lambda loop: main(loop))


def test_models_of_a_full_host_are_served_in_turns():
    async def main(loop):
        upstream = Scripted(loop, m=200, n=200, o=200)
        made = engine(loop, two_hosts(host_concurrency=1), upstream)
        asked = [made.ask(question(model=name), []) for name in "m" * 6 + "n" * 6]
        await asyncio.gather(*asked)
        assert sorted(upstream.names[:6]) == ["m"] * 3 + ["n"] * 3
        assert idle(made)

    run(lambda loop: main(loop))


def test_a_deployment_that_is_granted_more_than_the_host_goes_before_it():
    async def main(loop):
        upstream = Scripted(loop, a=200)
        catalogue = world("a", rules=rules(host_concurrency=3), max_concurrency=9)
        _, ask = asked_at_once(loop, catalogue, upstream, 20)
        await ask()
        assert upstream.most["a"] == 9

    run(lambda loop: main(loop))


def test_a_failure_says_how_long_its_call_had_waited_to_be_sent():
    async def main(loop):
        upstream = Scripted(loop, a=lambda *_: (500, 2.0))
        attempts = []
        made = engine(loop, world("a", rules=rules(max_concurrency=1)), upstream)
        await asyncio.gather(*(made.ask(question(), attempts) for _ in range(2)))
        said = [it.result.error for it in attempts]
        assert said == [
            "answered 500: a is 500",
            "answered 500: a is 500 (it had waited 2.0 s for its turn here)",
        ]

    run(lambda loop: main(loop))


def test_who_is_refused_for_a_full_queue_is_told_so_at_once():
    async def main(loop):
        upstream = Scripted(loop, a=lambda *_: (200, 5.0))
        made, ask = asked_at_once(
            loop, world("a", rules=rules(max_concurrency=1, queue=2)), upstream, 4
        )
        got = await ask()
        (refused,) = [it for it in got if it.last is None]
        assert "2 calls of model 'm' wait already for a free deployment" in refused.reasons[0]
        assert idle(made)

    run(lambda loop: main(loop))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:secret@North.example:8443/v1", "https://north.example:8443"),
        ("http://127.0.0.1:80/v1", "http://127.0.0.1:80"),
        ("http://[::1]:9/v1", "http://[::1]:9"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_a_host_is_known_by_scheme_name_and_port(url, host):
    assert host_of(Deployment(url, "m")) == host
