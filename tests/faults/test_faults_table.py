"""The table of failures in the documentation is what happens."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from misbehaving import Misbehaving, limits
from runtime_world import catalogue, closed_port, policy_file

from routelab.core.catalogue import Deployment, Model
from routelab.core.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.errors import RouteError
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter

PAGE = Path(__file__).parents[2] / "docs" / "runtime.md"
WHOLE = {
    "nobody listens": ["nobody"],
    "TLS is refused": ["no_tls"],
    "it hangs up without a reply": ["hangs_up"],
    "it stops sending, and goes on listening": ["half_closed"],
    "it never replies": ["blackhole"],
    "headers that never end": ["slow_headers"],
    "a reply that is no HTTP": ["not_http"],
    "a reply cut in the middle": ["cut"],
    "a connection reset in the middle": ["reset"],
    "a reply that stalls": ["stall"],
    "a reply shorter than its length": ["too_long_a_length"],
    "a reply longer than its length": ["too_short_a_length"],
    "a reply that is no JSON": ["malformed"],
    "429, with or without `retry-after`": ["busy_seconds", "busy_date"],
    "500 and above": ["storm"],
    "401, a bad key": ["unauthorised"],
    "400, a bad request": ["refuses"],
}
STREAMED = {
    "it never replies": ["blackhole", "slow_headers"],
    "only comments, or a role without text": ["comments", "stall_before"],
    "a stall after 20 pieces": ["stall"],
    "a cut after 40 pieces": ["cut"],
    "HTTP ends after 40 pieces, the answer does not": ["clean_cut"],
    "an event that is no JSON": ["malformed"],
    "an event that is no piece of an answer": ["not_a_piece"],
    "an error in the middle of the answer": ["error_event"],
    "an answer that never ends": ["endless"],
    "500 and above": ["storm"],
}
"""Rows of the two tables, and the behaviours that show them."""

RULES = EngineRules(retry=RetryRules(most=0), breaker=BreakerRules(min_calls=1))
PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1000.0}


def tables():
    """Each table of failures: rows of cells, by their first cell."""
    found, rows = [], {}
    for line in [*PAGE.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|") and not line.startswith(("|--", "| what")):
            first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            rows[first] = cells
        elif rows and not line.startswith("|"):
            found, rows = [*found, rows], {}
    return found


WHOLE_TABLE, STREAMED_TABLE = tables()
CASES = [
    (cells, behaviour, stream)
    for table, known, stream in ((WHOLE_TABLE, WHOLE, False), (STREAMED_TABLE, STREAMED, True))
    for row, cells in table.items()
    for behaviour in known.get(row, ())
]


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


def test_every_row_is_tried():
    assert set(WHOLE_TABLE) == set(WHOLE)
    assert set(STREAMED_TABLE) == set(STREAMED)


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize(
    ("cells", "behaviour", "stream"),
    CASES,
    ids=[f"{it[1]}-{'stream' if it[2] else 'whole'}" for it in CASES],
)
def test_a_failure_is_as_the_page_says(server, tmp_path, cells, behaviour, stream, transport):
    said, charged, blamed = cells
    server.reset()
    with closed_port() as nobody:
        addresses = {"nobody": nobody, "no_tls": server.url("good", "https")}
        url = addresses.get(behaviour, server.url(behaviour))
        at = Deployment(url, "m", timeouts=limits(said))
        one = catalogue(one=Model(deployments=(at,), **PRICES))
        error, states = asyncio.run(
            _failed(policy_file(tmp_path, Fixed("one"), one), transport, stream)
        )
    if transport == "httpx" or "Error" not in said:  # httpx's names are told of httpx only
        pattern = re.escape(said.strip("`")).replace(r"\ T\ s", r" [\d.]+ s")
        if transport == "aiohttp" and behaviour == "cut":
            pattern = r"cut after \d+ pieces"
        if not (transport == "aiohttp" and behaviour == "too_short_a_length"):
            assert re.search(pattern, str(error))
    billed = (server.prompt[behaviour] * 1.0 + server.billed[behaviour] * 1000.0) / 1e6
    if charged == "prompt and pieces":
        least = 0.5 * billed if behaviour in ("cut", "endless") else billed
        assert least <= error.cost_usd <= billed
        assert billed > 0.0
    else:
        assert error.cost_usd == 0.0
    assert states == {"yes": ["open"], "no": ["closed"]}[blamed]


async def _failed(chosen, transport, stream):
    """The error of a request, and its deployment's breaker afterwards."""
    async with AsyncRouter(chosen, transport=transport, rules=RULES) as router:
        with pytest.raises(RouteError) as caught:
            await (_read(router) if stream else router.route("x" * 400))
        return caught.value, list(router.engine.states().values())


async def _read(router):
    async with router.stream("x" * 400) as answer:
        async for _ in answer:
            pass
