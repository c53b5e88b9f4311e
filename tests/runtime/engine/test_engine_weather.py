"""Any weather: random deployments, limits, deadlines and cancellations break no promise."""

from __future__ import annotations

import asyncio
import random

from engine_world import Scripted, deployments, engine, idle, question, run
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.catalogue.catalogue import Catalogue, Model, Timeouts
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.runtime import UpstreamError
from routelab.runtime.engine.balancing import BALANCERS

TOLD = [
    200,
    200,
    429,
    (429, {"retry-after": "1.5"}),
    500,
    (503, {"retry-after": "4"}),
    404,
    400,
    UpstreamError("refused", "connect"),
    UpstreamError("cut", "cut"),
]

limits = st.fixed_dictionaries(
    {
        "weight": st.sampled_from([0.5, 1.0, 3.0]),
        "max_concurrency": st.sampled_from([None, 1, 3]),
        "requests_per_minute": st.sampled_from([None, 30.0, 600.0]),
        "tokens_per_minute": st.sampled_from([None, 20_000.0]),
    }
)
rules = st.builds(
    EngineRules,
    balancing=st.sampled_from(list(BALANCERS)),
    queue=st.sampled_from([0, 2, 50]),
    queue_s=st.sampled_from([0.5, 20.0]),
    retry=st.builds(RetryRules, most=st.integers(0, 3), burst=st.integers(0, 5)),
    breaker=st.builds(
        BreakerRules,
        min_calls=st.integers(1, 6),
        window_calls=st.just(6),
        open_s=st.sampled_from([0.5, 5.0]),
        probes=st.integers(1, 3),
        slow_s=st.sampled_from([None, 0.4]),
    ),
)


@given(
    st.lists(limits, min_size=1, max_size=3),
    limits,
    rules,
    st.integers(0, 10**6),
    st.sampled_from([None, 0.3, 2.0, 15.0]),
)
@settings(max_examples=60, deadline=None)
def test_no_promise_is_broken(first, second, rules, seed, limit):
    rng = random.Random(seed)
    names = "abc"[: len(first)]
    at = [deployments(name, **its)[0] for name, its in zip(names, first, strict=True)]
    catalogue = Catalogue(
        {
            "m": Model(deployments=tuple(at), fallbacks=("n",)),
            "n": Model(deployments=deployments("z", **second)),
        },
        rules,
    )

    def weather(_, now):
        return rng.choice(TOLD), rng.choice([0.0, 0.05, 0.5, 3.0])

    async def one(made, loop, attempts):
        await asyncio.sleep(rng.uniform(0.0, 5.0))
        deadline = float("inf") if limit is None else loop.time() + limit
        asking = asyncio.ensure_future(made.ask(question(deadline=deadline), attempts))
        ended = []
        asking.add_done_callback(lambda _: ended.append(loop.time()))
        if rng.random() < 0.2:
            await asyncio.sleep(rng.uniform(0.0, 3.0))
            asking.cancel()
        (result,) = await asyncio.gather(asking, return_exceptions=True)
        assert ended[0] <= deadline + 1e-6
        return result

    async def main(loop):
        upstream = Scripted(loop, **dict.fromkeys((*names, "z"), weather))
        made = engine(loop, catalogue, upstream, seed, Timeouts(total_s=2.0))
        attempts = [[] for _ in range(40)]
        results = await asyncio.gather(*(one(made, loop, mine) for mine in attempts))
        assert idle(made)
        for name, its in zip((*names, "z"), (*first, second), strict=True):
            if its["max_concurrency"]:
                assert upstream.most.get(name, 0) <= its["max_concurrency"]
        assert sum(map(len, attempts)) == len(upstream.seen)
        retried = sum(len(mine) - len({it.result.deployment for it in mine}) for mine in attempts)
        granted = rules.retry.burst + 1 + rules.retry.share * len(attempts)
        assert retried <= 2 * granted * len(names)
        for result, mine in zip(results, attempts, strict=True):
            if isinstance(result, BaseException):
                assert isinstance(result, asyncio.CancelledError)
            elif result.last is not None:
                assert result.last is mine[-1]
                assert result.last.result.error is None
                assert all(it.result.error for it in mine[:-1])
            else:
                assert all(it.result.error for it in mine)
                assert mine or result.reasons
        return upstream.seen

    assert run(main) is not None
