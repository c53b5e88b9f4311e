"""Deployments that do as they are told, on a loop whose time is virtual."""

from __future__ import annotations

import asyncio
import random

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model, Timeouts
from routelab.core.catalogue.engine_rules import EngineRules
from routelab.runtime import Reply, UpstreamError
from routelab.runtime.engine import Engine, SampleRequest
from routelab.simulate.virtual import VirtualLoop

USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


def run(main):
    """The result of a coroutine, or of a function of the loop that gives one."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        return runner.run(main(loop) if callable(main) else main)


def answer(text="yes", **usage):
    return {"choices": [{"message": {"content": text}}], "usage": {**USAGE, **usage}}


class Scripted:
    """Deployments by name, each a function of how often it was asked and when.

    It gives a status, (status, headers), or an `UpstreamError`; and may say how long it takes.
    """

    def __init__(self, loop, **behaviours):
        self.loop = loop
        self.behaviours = behaviours
        self.seen = []
        self.under_way = {}
        self.most = {}

    @property
    def names(self):
        return [name for name, _ in self.seen]

    def times(self, name):
        return [at for it, at in self.seen if it == name]

    async def send(self, outgoing):
        name = outgoing.deployment.model
        now = self.loop.time()
        count = self.names.count(name)
        self.seen.append((name, now))
        self.under_way[name] = self.under_way.get(name, 0) + 1
        self.most[name] = max(self.most.get(name, 0), self.under_way[name])
        try:
            told, takes_s = self.behaviours[name], 0.1
            if callable(told):
                told = told(count, now)
            if isinstance(told, tuple) and len(told) == 2 and not isinstance(told[1], dict):
                told, takes_s = told
            await asyncio.sleep(takes_s)
        finally:
            self.under_way[name] -= 1
        if isinstance(told, UpstreamError):
            raise told
        status, headers = told if isinstance(told, tuple) else (told, {})
        body = answer(name) if status == 200 else {"error": {"message": f"{name} is {status}"}}
        return Reply(status, body, headers)

    def hide(self, deployment, text):
        return text


def deployments(*names, **limits):
    return tuple(Deployment("http://upstream.test/v1", name, **limits) for name in names)


def world(*names, rules=None, fallbacks=(), others=None, **limits):
    """A catalogue with one model, "m", served by these deployments."""
    models = {"m": Model(deployments=deployments(*names, **limits), fallbacks=tuple(fallbacks))}
    return Catalogue({**models, **(others or {})}, rules or EngineRules(balancing="in_order"))


def engine(loop, catalogue, upstream, seed=0, timeouts=None):
    return Engine(
        catalogue,
        upstream,
        timeouts=timeouts or Timeouts(total_s=30.0),
        clock=loop.time,
        wall_clock=loop.time,
        sleep=asyncio.sleep,
        rng=random.Random(seed),
    )


def question(**changes):
    asked = {"model": "m", "body": {"messages": [{"role": "user", "content": "hi"}]}}
    return SampleRequest(**{**asked, "headers": {}, **changes})


def deployment_states(engine):
    return {it.deployment.model: it for pool in engine.pools.values() for it in pool.states}


def idle(engine):
    """Nothing is held: no slot, no probe, nobody in a queue."""
    held = [
        (it.name, it.in_flight, it.breaker.on_trial) for it in deployment_states(engine).values()
    ]
    waiting = [pool.waiting for pool in engine.pools.values()]
    return all(not slots and not trials for _, slots, trials in held) and not any(waiting)
