"""Hosts in trouble beside hosts that are well: who asks those that are well hears nothing of it."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runtime_world import policy_file

from routelab.core.catalogue import Catalogue, Deployment, Model, Timeouts
from routelab.errors import RouteError
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RouterConfig

SERVER = Path(__file__).with_name("hosts_server.py")
PRICES = {"input_usd_per_mtok": 0.7, "output_usd_per_mtok": 3.1}
WELL, TROUBLED = ("north", "south"), ("stuck", "busy", "cutting")
TURNS = 3
"""Of hosts alone, and of all hosts, one after the other, so that both see the same machine."""
SLOWER = 1.10
"""Than alone, at most, the P95 of a host that is well may be."""


@pytest.fixture(
    params=[pytest.param(0.05, marks=pytest.mark.slow), pytest.param(2.0, marks=pytest.mark.soak)],
    ids=["short", "long"],
)
def load(request):
    """Ports of the hosts, calls in flight, seconds of the whole, and whether to hold it to them."""
    takes_s, long = request.param, request.param == 2.0
    command = [sys.executable, str(SERVER), str(takes_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        ports = json.loads(process.stdout.readline())
        yield ports, 200 if long else 20, soak_s(request) if long else 3.0, long
    finally:
        process.kill()
        process.communicate()


def soak_s(request):
    return float(request.config.getoption("--soak-seconds"))


def catalogue(ports, names):
    limits = Timeouts(total_s=10.0, first_token_s=10.0)
    places = tuple(
        Deployment(f"http://127.0.0.1:{ports[name]}/v1", name, timeouts=limits) for name in names
    )
    return Catalogue({"any": Model(deployments=places, **PRICES)})


async def turn(folder, ports, names, at_once, seconds):
    """The router's metrics after so many seconds, and requests that were answered and not."""
    chosen = policy_file(folder, Fixed("any"), catalogue(ports, names))
    answered, failed = 0, []

    async def worker(number, end):
        nonlocal answered
        k = 0
        while time.monotonic() < end:
            k += 1
            text = f"question {k} of {number}"
            try:
                if k % 2:
                    assert (await router.route(text)).answer == "so it is"
                else:
                    async with router.stream(text) as answer:
                        said = "".join([piece.text async for piece in answer])
                    assert said == "so it is"
                answered += 1
            except RouteError as error:
                failed.append(error)

    async with AsyncRouter(
        chosen, chosen.document.catalogue, RouterConfig(log=folder / "log")
    ) as router:
        end = time.monotonic() + seconds
        await asyncio.gather(*(worker(number, end) for number in range(at_once)))
        return await router.snapshot(), answered, failed


def p95_s(snapshot, ports, name):
    label = f"{name} at http://127.0.0.1:{ports[name]}/v1"
    return snapshot.deployments[label].latency_s.p95


def test_hosts_in_trouble_slow_down_no_host_that_is_well(load, tmp_path):
    ports, at_once, seconds, long = load
    found = {names: [] for names in (WELL, (*WELL, *TROUBLED))}
    requests = 0
    for number in range(TURNS if long else 1):
        for names, p95s in found.items():
            folder = tmp_path / f"{number}-{len(names)}"
            folder.mkdir()
            lasts_s = seconds / (2 * TURNS if long else 2)
            told, answered, failed = asyncio.run(turn(folder, ports, names, at_once, lasts_s))
            requests += answered
            # a stream that was cut after its first piece is the caller's to hear
            broke_off = [it for it in failed if "broke off" in str(it) or "cut" in str(it)]
            assert len(failed) == len(broke_off) <= 0.02 * answered + at_once, failed[:3]
            assert answered > at_once
            for name in WELL:
                label = f"{name} at http://127.0.0.1:{ports[name]}/v1"
                assert told.deployments[label].errors == 0
                assert told.breakers[label] == "closed"
            p95s.append([p95_s(told, ports, name) for name in WELL])
    alone, beside = (
        [statistics.median(column) for column in zip(*p95s, strict=True)] for p95s in found.values()
    )
    for name, one, other in zip(WELL, alone, beside, strict=True):
        print(  # noqa: T201  (a soak is run to see its figures)
            f"{name}: P95 {one:.3f} s alone, {other:.3f} s beside hosts in trouble"
            f" ({other / one:.3f}); {requests:,} requests, {at_once} at once, {seconds:g} s"
        )
        if long:
            assert other <= SLOWER * one
