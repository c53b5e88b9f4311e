"""The table of failures in the documentation is what happens: what is said, charged and blamed."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from faults_world import TOKENS, Misbehaving, limits
from runtime_world import catalogue, closed_port, policy_file

from routelab.core.catalogue.catalogue import Deployment, Model
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.errors import RouteError
from routelab.logs.decisions import open_journal
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets

PAGE = Path(__file__).parents[3] / "docs" / "runtime.md"
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
    "a reply without an answer in it": ["echo_body"],
    "429, with or without `retry-after`": ["busy_seconds", "busy_date"],
    "500 and above": ["storm", "billed_storm"],
    "401, a bad key": ["unauthorised"],
    "403, 404": ["forbidden", "missing"],
    "408": ["late"],
    "409, 425: too early": ["conflict", "too_early"],
    "400, 422: a bad request": ["refuses", "unprocessable"],
    "413: too long, tried elsewhere": ["too_large"],
}
STREAMED = {
    "it never replies": ["blackhole", "slow_headers"],
    "only comments, or a role without text": ["comments", "stall_before"],
    "a stall after 20 pieces": ["stall"],
    "a cut after 40 pieces": ["cut"],
    "HTTP ends after 40 pieces, the answer does not": ["clean_cut"],
    "a stream shorter than its length": ["too_long_a_length"],
    "a stream longer than its length": ["too_short_a_length"],
    "an event that is no JSON": ["malformed"],
    "an event that is no piece of an answer": ["not_a_piece"],
    "an error without a code before the answer begins": ["early_error_event"],
    "an error in the middle of the answer": ["error_event"],
    "an answer that never ends": ["endless"],
    "500 and above": ["storm", "billed_storm"],
}
"""Rows of the two tables, and the behaviours that show them."""

ALIKE = (
    "nobody", "no_tls", "hangs_up", "half_closed", "not_http", "busy_seconds", "busy_date",
    "unauthorised", "refuses",
)  # fmt: skip
"""Of the first table: where the connection itself fails, or the request is refused."""

OVERTAKEN = ("cut", "endless", "too_long_a_length")
"""What the server sent last may not have been read."""

RULES = EngineRules(
    balancing="in_order",
    retry=RetryRules(most=0),
    breaker=BreakerRules(min_calls=1, open_s=600.0, max_open_s=600.0),
)
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


WHOLE_TABLE, STREAMED_TABLE, *_ = tables()
CASES = [
    (cells, behaviour, stream)
    for table, known, stream in (
        (WHOLE_TABLE, WHOLE, False),
        (STREAMED_TABLE, STREAMED, True),
        (
            WHOLE_TABLE,
            {row: [it for it in some if it in ALIKE] for row, some in WHOLE.items()},
            True,
        ),
    )
    for row, cells in table.items()
    for behaviour in known.get(row, ())
]
IDS = [f"{behaviour}-{'stream' if stream else 'whole'}" for _, behaviour, stream in CASES]


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


def test_every_row_is_tried():
    assert set(WHOLE_TABLE) == set(WHOLE)
    assert set(STREAMED_TABLE) == set(STREAMED)


@pytest.fixture
def deployed(server):
    """Deployments at behaviours, of which only the limit that an error speaks of is short."""
    server.reset()
    with closed_port() as nobody:
        urls = {"nobody": nobody, "no_tls": server.url("good", "https")}

        def make(said, *behaviours):
            return tuple(
                Deployment(urls.get(it, server.url(it)), it, timeouts=limits(said))
                for it in behaviours
            )

        yield make


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize(("cells", "behaviour", "stream"), CASES, ids=IDS)
def test_a_failure_is_as_the_page_says(
    server, deployed, tmp_path, cells, behaviour, stream, transport
):
    said, charged, blamed = cells
    odd = transport == "aiohttp" and behaviour == "too_short_a_length"  # taken for no HTTP
    with Routed(tmp_path, deployed(said, behaviour), transport) as routed:
        error = routed.ask(stream)
    assert isinstance(error, RouteError)
    alike = transport == "httpx" or "Error" not in said or "Connect" in said
    if not odd and alike:  # others are httpx's names
        pattern = re.escape(said.strip("`")).replace(r"\ T\ s", r" [\d.]+ s")
        if transport == "aiohttp" and behaviour in OVERTAKEN:
            pattern = pattern.replace(r"\ 40\ ", r" \d+ ")
        assert re.search(pattern, error.detail)
        assert "127.0.0.1" not in str(error)
    billed = (server.prompt[behaviour] * 1.0 + server.billed[behaviour] * 1000.0) / 1e6
    if charged == "prompt and pieces" and not odd:
        least = 0.5 * billed if behaviour in (*OVERTAKEN, "too_short_a_length") else billed
        assert least <= error.cost_usd <= billed
        assert billed > 0.0
    else:
        assert error.cost_usd == (billed if charged == "what it reports" else 0.0)
    routed.observers_say(error.cost_usd, 1, "failed")
    assert routed.states == {"yes": ["open"], "no": ["closed"]}[blamed]


REPAIRED = [
    (cells, behaviour, stream)
    for cells, behaviour, stream in CASES
    if behaviour not in ("refuses", "too_large", "unprocessable")
    and (not stream or cells[1] != "prompt and pieces")
    if behaviour != "not_a_piece"
]


@pytest.mark.parametrize(
    ("cells", "behaviour", "stream"),
    REPAIRED,
    ids=[f"{behaviour}-{'stream' if stream else 'whole'}" for _, behaviour, stream in REPAIRED],
)
def test_before_the_first_token_no_caller_sees_a_failure_that_another_deployment_repairs(
    server, deployed, tmp_path, cells, behaviour, stream
):
    with Routed(
        tmp_path, deployed(cells[0], behaviour, "good"), "aiohttp" if stream else "httpx"
    ) as routed:
        found = routed.ask(stream)
    assert found.answer == "".join(TOKENS)
    tokens = server.prompt[behaviour] + 100, len(TOKENS)
    assert found.cost_usd == pytest.approx((tokens[0] * 1.0 + tokens[1] * 1000.0) / 1e6)
    routed.observers_say(found.cost_usd, 2, "answered")
    assert routed.states == ["open" if cells[2] == "yes" else "closed", "closed"]


@pytest.mark.parametrize(("behaviour", "stream"), [("busy_seconds", False), ("busy_date", True)])
def test_a_retry_waits_as_long_as_it_was_told_to(server, deployed, tmp_path, behaviour, stream):
    rules = EngineRules(retry=RetryRules(most=1))
    began = time.monotonic()
    with Routed(tmp_path, deployed("", behaviour), "httpx", rules) as routed:
        error = routed.ask(stream)
    assert time.monotonic() - began >= 1.0
    assert server.asked[behaviour] == 2
    assert 0.0 < error.retry_after_s <= 1.0
    routed.observers_say(0.0, 2, "failed")
    assert routed.states == ["closed"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_storm_is_neither_fed_nor_felt(server, deployed, tmp_path, stream):
    """It gets as many requests as its breaker needs to open, and no caller notices."""
    rules = EngineRules(
        balancing="round_robin", breaker=BreakerRules(min_calls=5, open_s=600.0, max_open_s=600.0)
    )
    with Routed(tmp_path, deployed("", "storm", "good"), "httpx", rules) as routed:
        found = [routed.ask(stream) for _ in range(60)]
    assert [it.answer for it in found] == ["".join(TOKENS)] * 60
    assert server.asked == {"storm": 5, "good": 60}
    assert routed.states == ["open", "closed"]
    routed.observers_say(sum(it.cost_usd for it in found), 65, "answered")


@pytest.mark.parametrize("stream", [False, True])
def test_a_storm_on_all_sides_is_answered_with_when_to_come_back(
    server, deployed, tmp_path, stream
):
    rules = EngineRules(
        retry=RetryRules(most=2, base_s=0.001, share=0.2, burst=3),
        breaker=BreakerRules(min_calls=10, open_s=600.0, max_open_s=600.0),
    )
    with Routed(tmp_path, deployed("", "storm"), "httpx", rules) as routed:
        found = [routed.ask(stream) for _ in range(40)]
    assert all(isinstance(it, RouteError) for it in found)
    assert server.asked["storm"] == 10
    assert 500.0 < found[-1].retry_after_s <= 600.0
    assert "left alone for now" in str(found[-1])
    assert routed.states == ["open"]
    routed.observers_say(0.0, 10, "failed", "shed")


class Routed:
    """A router over these deployments, which is asked from a test; then what its observers say.

    Attributes:
        states: of the breakers, in the order of the deployments.
    """

    def __init__(self, folder, deployments, transport, rules=RULES):
        one = catalogue(one=Model(deployments=deployments, **PRICES))
        self.log, self.options = folder / "log", {"transport": transport, "rules": rules}
        self.file = policy_file(folder, Fixed("one"), one)

    def __enter__(self):
        self.runner = asyncio.Runner()
        self.router = AsyncRouter(
            self.file,
            self.file.document.catalogue,
            config=RouterConfig(
                log=self.log, budgets=Budgets(all=BudgetRule(1000.0)), **self.options
            ),
        )
        return self

    def __exit__(self, *_):
        self.snapshot = self.runner.run(self.router.snapshot())
        self.states = list(self.router.engine.states().values())
        self.runner.run(self.router.aclose())
        self.runner.close()

    def ask(self, stream):
        """The answer, or the error."""
        return self.runner.run(self._ask(stream))

    async def _ask(self, stream):
        try:
            if not stream:
                return await self.router.route("x" * 400)
            async with self.router.stream("x" * 400) as answer:
                text = "".join([piece.text async for piece in answer])
        except RouteError as error:
            return error
        assert text == answer.routed.answer
        return answer.routed

    def observers_say(self, cost_usd, n_attempts, *endings):
        """Log, metrics and budget tell of this money, and nothing is left reserved."""
        records = list(open_journal(self.log).lines())
        assert {it.status for it in records} == set(endings)
        attempts = [it for record in records for step in record.steps for it in step.attempts]
        assert len(attempts) == n_attempts
        (left,) = self.snapshot.budgets
        assert left.reserved_usd == 0.0
        assert left.spent_usd == pytest.approx(cost_usd)
        assert self.snapshot.requests.cost_usd == pytest.approx(cost_usd)
        assert sum(it.cost_usd for it in records) == pytest.approx(cost_usd)
