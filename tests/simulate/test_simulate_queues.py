"""Lines at a deployment are as long as queueing theory says."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Timeouts
from routelab.logs import Log, Requests
from routelab.runtime.upstream import OutgoingRequest
from routelab.runtime.wire import REQUEST_ID
from routelab.simulate import virtual
from routelab.simulate.latency import FittedLatency, Work, fit
from routelab.simulate.scenario import Scenario
from routelab.simulate.upstream import SimulatedUpstream, Visit

N, BATCHES = 24_000, 24
PLACE = Deployment("http://m.simulated/v1", "m", "simulated")


class Exponential:
    """Answers take an exponentially distributed time of mean 1 s; they are kept in order."""

    def __init__(self):
        self.worked = []

    def work(self, row, column, tokens, draw):
        self.worked.append(-math.log1p(-draw("work")))
        return Work(self.worked[-1], 0.0)


class Constant(Exponential):
    """Every answer takes 1 s."""

    def work(self, row, column, tokens, draw):
        self.worked.append(1.0)
        return Work(1.0, 0.0)


def one_request():
    column = np.ones((1, 1), order="F")
    return Log(
        requests=Requests(np.array(["r"], dtype=object)),
        models=("m",),
        quality=column,
        cost_usd=column,
        latency_s=column,
        prompt_tokens=column,
        completion_tokens=column,
        error=np.zeros((1, 1), dtype=np.bool_, order="F"),
    )


def waits(latency, places, load, seed):
    """Seconds that requests (N,) waited in line, at Poisson arrivals of `load` a place."""
    rng = np.random.default_rng(seed)
    at_s = np.cumsum(rng.exponential(1.0 / (load * places), N))
    took = np.empty(N)

    async def main():
        clock = asyncio.get_running_loop().time
        upstream = SimulatedUpstream(
            one_request(),
            latency,
            Scenario(capacity={"m": places}),
            {(PLACE.base_url, PLACE.model): ("m",)},
            Catalogue(),
            clock=clock,
            seed=seed,
            texts=False,
        )

        async def one(index):
            key, began = f"r~{index}", clock()
            upstream.visits[key] = Visit(0)
            await upstream.send(OutgoingRequest(PLACE, {}, {REQUEST_ID: key}, Timeouts()))
            took[index] = clock() - began

        tasks = []
        for index, at in enumerate(at_s.tolist()):
            await asyncio.sleep(at - clock())
            tasks.append(asyncio.ensure_future(one(index)))
        await asyncio.gather(*tasks)

    virtual.run(main())
    return took - np.array(latency.worked)


def erlang_c(places, offered):
    """Probability that a request has to wait."""
    busy = offered**places / math.factorial(places) / (1.0 - offered / places)
    return busy / (sum(offered**k / math.factorial(k) for k in range(places)) + busy)


@pytest.mark.parametrize(
    ("latency", "places", "load", "expected_s"),
    [
        (Exponential(), 1, 0.6, 0.6 / 0.4),
        (Exponential(), 4, 0.75, erlang_c(4, 3.0) / (4 - 3.0)),
        (Constant(), 1, 0.6, 0.6 / (2 * 0.4)),
    ],
    ids=["M/M/1", "M/M/4", "M/D/1"],
)
def test_mean_waits_are_those_of_the_closed_form(latency, places, load, expected_s):
    """Source: Kleinrock 1975, Queueing Systems I, sections 3.2, 3.5 and 5.6."""
    seen = waits(latency, places, load, seed=20)
    assert seen.min() > -1e-9
    batches = seen[N // BATCHES :].reshape(-1, N // BATCHES).mean(axis=1)
    error = batches.std(ddof=1) / math.sqrt(len(batches))
    assert abs(batches.mean() - expected_s) < 3.0 * error
    assert error < 0.12 * expected_s


def test_a_line_is_fitted_to_latencies_and_gives_them_back():
    rng = np.random.default_rng(5)
    tokens = rng.integers(1, 600, 4000).astype(float)
    spread = 0.3
    noise = np.exp(spread * rng.standard_normal(4000) - spread**2 / 2)
    found = fit((0.4 + 0.02 * tokens) * noise, tokens)
    assert found.first_token_s == pytest.approx(0.4, abs=0.15)
    assert found.per_token_s == pytest.approx(0.02, rel=0.05)
    assert found.spread == pytest.approx(spread, rel=0.1)
    units = iter(rng.random(4000))
    drawn = [
        FittedLatency(np.empty((0, 1)), [found]).work(0, 0, 100.0, lambda name: next(units))
        for _ in range(4000)
    ]
    mean = np.mean([it.first_token_s + 99 * it.between_tokens_s for it in drawn])
    assert mean == pytest.approx(found.first_token_s + 100 * found.per_token_s, rel=0.03)


def test_latencies_that_fall_with_length_have_no_negative_part():
    flat = fit(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0]))
    assert (flat.first_token_s, flat.per_token_s) == (2.0, 0.0)
    steep = fit(np.array([0.1, 1.0, 10.0]), np.array([10.0, 20.0, 30.0]))
    assert steep.first_token_s == 0.0
    assert steep.per_token_s > 0.0
