"""Budgets held by a router: what is refused, degraded, charged and told."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from datetime import date

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from runtime_world import NO_PRICES, PRICES, Endpoint, catalogue, completion, model, policy_file

from routelab.core.admission import CallEstimate
from routelab.core.catalogue import (
    ContextTier,
    DatedPrices,
    Parameters,
    ServicePrices,
    Timeouts,
)
from routelab.core.storage.schema import decision_schema
from routelab.errors import BudgetError, NoModelError, RouteError
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import Document, load, write
from routelab.runtime import AsyncRouter, Reply, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets, SqliteStore, periods, read

ONE = (1000 * 2.0 + 500 * 8.0) / 1e6
"""USD of one answer of the endpoint."""
LONG = "x" * 4000
"""A prompt of as many tokens as the endpoint says there are."""
FIXED = Fixed(model="first")
CASCADE = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
NOON = 1_795_521_600.0  # 2026-11-24 12:00 UTC


class Heard:
    """Remembers the alerts."""

    def __init__(self):
        self.alerts = []

    def finished(self, finished):
        pass

    def feedback(self, request_id, quality, model):
        pass

    def alert(self, alert):
        self.alerts.append((alert.account, alert.share))


def with_router(tmp_path, policy, world, budgets, use, estimates=None, served=None, **options):
    """What a use of a router gives.

    Args:
        served: the catalogue that addresses come from, where the policy's own lacks some.
    """
    chosen = policy_file(tmp_path, policy, world, estimates=estimates or {})
    endpoint = Endpoint()

    async def run():
        made = {"transport": endpoint.transport, "wall_clock": lambda: NOON} | options
        config = RouterConfig(budgets=budgets, **made)
        async with AsyncRouter(chosen, served or world, config) as router:
            return await use(router)

    return asyncio.run(run())


async def ask(router, times, **fields):
    """Route so many requests, one after the other; answers and errors."""
    found = []
    for _ in range(times):
        try:
            found.append(await router.route(LONG, max_tokens=500, **fields))
        except BudgetError as error:
            found.append(error)
    return found


def logged(folder):
    """Every line, each of which the published schema allows."""
    valid = Draft202012Validator(decision_schema())
    found = [json.loads(it) for path in folder.iterdir() for it in path.read_text().splitlines()]
    for line in found:
        valid.validate(line)
    return found


def daily(limit_usd, **fields):
    return Budgets(all=BudgetRule(limit_usd), **fields)


def test_requests_beyond_the_limit_are_refused_with_the_time_it_resets(tmp_path):
    async def use(router):
        found = await ask(router, 4)
        return found, await router.snapshot()

    world = catalogue(first=model("plain"))
    found, snapshot = with_router(tmp_path, FIXED, world, daily(0.015), use, log=tmp_path / "log")
    assert [isinstance(it, BudgetError) for it in found] == [False, False, True, True]
    error = found[2]
    assert "the budget of all for 2026-11-24" in str(error)
    assert "resets at 2026-11-25 00:00 UTC" in str(error)
    assert (error.resets_at_s - NOON, error.retry_after_s) == (43200.0, 43200.0)
    assert snapshot.statuses == {"answered": 2, "refused": 2}
    (left,) = snapshot.budgets
    assert (left.spent_usd, left.reserved_usd) == (2 * ONE, 0.0)
    kinds = [it.get("status", it["schema"]) for it in logged(tmp_path / "log")]
    assert sorted(kinds) == ["answered"] * 2 + ["refused"] * 2 + ["routelab.alert/1"] * 3


def test_alerts_are_told_once_at_each_share(tmp_path):
    async def use(router):
        await ask(router, 30)
        return await router.snapshot()

    heard = Heard()
    world = catalogue(first=model("plain"))
    snapshot = with_router(tmp_path, FIXED, world, daily(10 * ONE), use, observers=[heard])
    assert heard.alerts == [("all", 0.5), ("all", 0.8), ("all", 1.0)]
    assert [it.share for it in snapshot.alerts] == [0.5, 0.8, 1.0]


def test_an_alert_that_a_refusal_brought_on_says_so(tmp_path, caplog):
    async def use(router):
        await ask(router, 1)

    world = catalogue(first=model("plain"))
    with_router(tmp_path, FIXED, world, daily(0.1 * ONE), use)
    told = [it.getMessage() for it in caplog.records if "are spent" in it.getMessage()]
    assert len(told) == 3
    assert all("0 of " in it and "as a call was refused for want of room" in it for it in told)
    caplog.clear()
    with_router(tmp_path, FIXED, world, daily(10 * ONE), lambda router: ask(router, 6))
    told = [it.getMessage() for it in caplog.records if "are spent" in it.getMessage()]
    assert told
    assert "refused" not in told[0]


def test_a_new_day_has_a_new_budget(tmp_path):
    now = [NOON]

    async def use(router):
        first = await ask(router, 2)
        now[0] += 86400.0
        return first + await ask(router, 1)

    world = catalogue(first=model("plain"))
    found = with_router(tmp_path, FIXED, world, daily(0.008), use, wall_clock=lambda: now[0])
    assert [isinstance(it, BudgetError) for it in found] == [False, True, False]


def test_tenants_have_their_own_rule_or_everybodys(tmp_path):
    budgets = Budgets(
        tenant=BudgetRule(0.008), tenants={"acme": BudgetRule(1.0), "none": BudgetRule(0.0)}
    )

    async def use(router):
        return [
            [isinstance(it, BudgetError) for it in await ask(router, 2, tenant=tenant)]
            for tenant in ("acme", "zen", "none", "")
        ]

    found = with_router(tmp_path, FIXED, catalogue(first=model("plain")), budgets, use)
    assert found == [[False, False], [False, True], [True, True], [False, True]]


@pytest.mark.parametrize("kept", ["memory", "sqlite"])
def test_a_thousand_requests_at_once_do_not_overspend(tmp_path, kept):
    sent = []

    class Canned:
        async def send(self, asked):
            await asyncio.sleep(0)
            sent.append(asked)
            answer = completion("yes")
            answer["usage"]["completion_tokens"] = len(sent) % 500
            return Reply(200, answer)

        def hide(self, deployment, text):
            return text

    async def use(router):
        asked = [router.route(LONG, max_tokens=500) for _ in range(1000)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        return done, (await router.snapshot()).budgets[0]

    options = {"transport": None, "upstream": Canned()}
    if kept == "sqlite":
        options["budget_store"] = SqliteStore(tmp_path / "b.sqlite")
    world = catalogue(first=model("plain"))
    done, left = with_router(tmp_path, FIXED, world, daily(0.5), use, **options)
    answered = [it for it in done if not isinstance(it, BudgetError)]
    assert len(answered) == len(sent) > 50
    assert left.spent_usd == pytest.approx(sum(it.cost_usd for it in answered))
    assert left.spent_usd <= 0.5
    assert left.reserved_usd == 0.0


def test_a_cost_that_nobody_tells_is_charged_as_it_was_reserved(tmp_path):
    async def use(router):
        await ask(router, 1)
        return (await router.snapshot()).budgets[0].spent_usd

    world = catalogue(first=model("bare"))
    spent = with_router(tmp_path, FIXED, world, daily(1.0), use)
    assert spent == pytest.approx(((1.5 * 1000 + 8) * 2.0 + 500 * 8.0) / 1e6)


def test_a_failed_call_is_charged_what_it_cost_and_gives_the_rest_back(tmp_path):
    world = catalogue(first=model("charged", cost_reported=True))

    async def use(router):
        with pytest.raises(Exception, match="no model answered"):
            await router.route(LONG)
        return (await router.snapshot()).budgets[0]

    left = with_router(tmp_path, FIXED, world, daily(9.0), use)
    assert left.spent_usd >= 0.5
    assert left.reserved_usd == 0.0


FAILED = 1000 * 2.0 / 1e6
"""USD of a failure of the endpoint that has read the prompt."""
UPPER = ((1.5 * 1000 + 8) * 2.0 + 500 * 8.0) / 1e6
"""USD reserved for a call."""


@pytest.mark.parametrize(
    ("limit_usd", "model_name", "asked"),
    [(UPPER, None, 1), (UPPER + FAILED, "first", 2), (UPPER + 2 * FAILED, "first", 2)],
)
def test_after_a_failure_that_cost_money_another_try_needs_room_of_its_own(
    tmp_path, limit_usd, model_name, asked
):
    async def use(router):
        try:
            found = await router.route(LONG, max_tokens=500)
        except RouteError as error:
            found = error
        return found, (await router.snapshot()).budgets[0]

    world = catalogue(first=model("billed", "plain"))
    found, left = with_router(tmp_path, FIXED, world, daily(limit_usd), use)
    assert getattr(found, "model", None) == model_name
    assert found.cost_usd == pytest.approx(FAILED + (asked - 1) * ONE)
    assert left.spent_usd == pytest.approx(found.cost_usd)
    assert left.reserved_usd == 0.0
    if model_name is None:
        assert "an attempt that failed cost money, and no other is made: the budget of all" in str(
            found
        )
        assert "thought better of it" in found.detail


def test_a_failed_sample_of_unknown_cost_is_charged_its_part_of_the_reservation(tmp_path):
    async def use(router):
        found = await router.route(LONG, max_tokens=500)
        return found, (await router.snapshot()).budgets[0]

    policy = Cascade(models=("first", "last"), thresholds=(0.5,), signal="sure")
    world = catalogue(first=model("billed", "plain", **NO_PRICES), last=model("plain"))
    known = {"first": CallEstimate(cost_usd=ONE)}
    found, left = with_router(
        *(tmp_path, policy, world, daily(9.0), use, known), signals={"sure": "agreement:3"}
    )
    failed = sum(it.error is not None for it in found.decision.answer.attempts)
    assert found.model == "first"
    assert failed > 0
    assert left.spent_usd == pytest.approx((failed + 3) * 2.0 * ONE)


def test_a_failure_of_unknown_cost_is_charged_as_it_was_reserved_before_the_next_try(tmp_path):
    """The model has no prices, but an estimate to reserve by."""

    async def use(router):
        found = await router.route(LONG, max_tokens=500)
        return found, (await router.snapshot()).budgets[0]

    world = catalogue(first=model("billed", "plain", **NO_PRICES))
    known = {"first": CallEstimate(cost_usd=ONE)}
    found, left = with_router(tmp_path, FIXED, world, daily(9.0), use, estimates=known)
    assert found.model == "first"
    assert left.spent_usd == pytest.approx(2 * 2.0 * ONE)  # two attempts, at twice the estimate
    assert left.reserved_usd == 0.0


@pytest.mark.parametrize("kept", ["memory", "sqlite"])
@pytest.mark.parametrize("policy", [FIXED, CASCADE])
def test_failed_attempts_that_cost_money_do_not_overspend_together(tmp_path, kept, policy):
    """Every call fails twice, for money, before it is answered."""

    async def use(router):
        asked = [router.route(LONG, max_tokens=500) for _ in range(200)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        return done, (await router.snapshot()).budgets[0]

    options = {"signals": {"score": lambda request, body: 0.0}} if policy is CASCADE else {}
    if kept == "sqlite":
        options["budget_store"] = SqliteStore(tmp_path / "b.sqlite")
    world = catalogue(first=model("billed", "billed", "plain"), last=model("billed", "plain"))
    limit_usd = 10.5 * ONE
    done, left = with_router(tmp_path, policy, world, daily(limit_usd), use, **options)
    assert not [it for it in done if not isinstance(it, RouteError) and not hasattr(it, "model")]
    assert left.spent_usd == pytest.approx(sum(it.cost_usd for it in done))
    assert 0.0 < left.spent_usd <= limit_usd
    assert left.reserved_usd == 0.0


def test_a_caller_who_goes_away_leaves_no_reservation(tmp_path):
    async def use(router):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(router.route(LONG), 0.1)
        return (await router.snapshot()).budgets

    world = catalogue(first=model("asleep"))
    (left,) = with_router(tmp_path, FIXED, world, daily(1.0), use)
    assert (left.spent_usd, left.reserved_usd) == (0.0, 0.0)


def test_where_there_is_no_room_for_the_next_model_the_earlier_answer_is_delivered(tmp_path):
    async def use(router):
        return await router.route(LONG, max_tokens=500)

    dear = {name: 100 * price for name, price in PRICES.items()}
    world = catalogue(first=model("scored"), last=model("plain", **dear))
    routed = with_router(tmp_path, CASCADE, world, daily(0.02), use)
    assert (routed.answer, routed.cost_usd) == ("scored", ONE)
    assert "the budget of all" in routed.decision.steps[1].feedback.error


def cheap_policy(tmp_path):
    cheap = catalogue(small=model("bare", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0))
    document = Document(
        name="cheap",
        policy=to_wire(Fixed("small")),
        candidates=("small",),
        catalogue=cheap,
    )
    return write(tmp_path / "cheap.policy", document, "# cheap\n")


def test_at_the_limit_the_cheaper_policy_decides_and_the_record_says_so(tmp_path):
    cheap_policy(tmp_path)
    (tmp_path / "budgets.toml").write_text(
        'cheaper = "cheap.policy"\n[all]\nlimit_usd = 0.008\nat_limit = "degrade"\n'
    )

    async def use(router):
        found = await ask(router, 2)
        return found, await router.snapshot()

    world = catalogue(first=model("plain"))
    served = catalogue(first=model("plain"), small=model("bare"))
    (first, second), snapshot = with_router(
        tmp_path, FIXED, world, tmp_path / "budgets.toml", use, served=served, log=tmp_path / "log"
    )
    assert (first.model, second.model) == ("first", "small")
    assert (snapshot.degraded, set(snapshot.models)) == (1, {"first", "small"})
    records = [it for it in logged(tmp_path / "log") if it["schema"] == "routelab.decision/1"]
    assert [it.get("degraded", False) for it in records] == [False, True]
    assert records[0]["policy"] != records[1]["policy"] == load(tmp_path / "cheap.policy").digest


def test_degraded_requests_are_refused_at_the_hard_limit(tmp_path):
    rule = BudgetRule(0.008, at_limit="degrade", hard_limit_usd=0.016)
    budgets = Budgets(all=rule, cheaper="given")

    async def use(router):
        return await ask(router, 3)

    cheaper = tmp_path / "spare"
    cheaper.mkdir()
    spare = policy_file(cheaper, Fixed("small"), catalogue(small=model("plain")))
    world = catalogue(first=model("plain"))
    served = catalogue(first=model("plain"), small=model("plain"))
    found = with_router(tmp_path, FIXED, world, budgets, use, served=served, cheaper=spare)
    assert [getattr(it, "model", "refused") for it in found] == ["first", "small", "refused"]


def test_a_model_without_any_known_cost_is_refused_at_the_start(tmp_path):
    chosen = policy_file(tmp_path, CASCADE, catalogue(first=model("scored"), last=model("plain")))
    free = catalogue(first=model("scored", **NO_PRICES), last=model("plain", **NO_PRICES))
    document = replace(chosen.document, catalogue=free, files={})
    chosen = write(tmp_path / "free.policy", document, "# free\n")
    with pytest.raises(BudgetError, match="none is known of first, last: give input_usd_per_mtok"):
        AsyncRouter(chosen, chosen.document.catalogue, config=RouterConfig(budgets=daily(1.0)))
    known = {name: CallEstimate(cost_usd=0.001) for name in ("first", "last")}
    chosen = write(tmp_path / "known.policy", replace(document, estimates=known), "# known\n")
    AsyncRouter(chosen, chosen.document.catalogue, config=RouterConfig(budgets=daily(1.0)))


def test_fallbacks_need_a_known_cost_too_and_odd_limits_are_no_limits(tmp_path):
    behind = model("plain", **NO_PRICES)
    world = catalogue(first=model("plain", fallbacks=("spare",)), spare=behind)
    chosen = policy_file(tmp_path, FIXED, world)
    with pytest.raises(BudgetError, match="none is known of spare"):
        AsyncRouter(chosen, world, RouterConfig(budgets=daily(1.0)))

    async def use(router):
        asked = [{"max_tokens": odd} for odd in ("many", -1, None, True, [])]
        return [(await router.route(LONG, n="two", **fields)).model for fields in asked]

    plain = catalogue(first=model("plain"))
    assert with_router(tmp_path, FIXED, plain, daily(9.0), use) == ["first"] * 5


def test_no_request_costs_more_than_everybodys_bound_or_its_own(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    with pytest.raises(BudgetError, match="request_usd is kept by what the policy predicts"):
        AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(budgets=Budgets(request_usd=1.0))
        )
    document = replace(chosen.document, estimates={"first": CallEstimate(cost_usd=ONE)}, files={})
    chosen = write(tmp_path / "known.policy", document, "# known\n")

    async def answers(request_usd, **own):
        options = {"transport": Endpoint().transport, "budgets": Budgets(request_usd=request_usd)}
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(**options)
        ) as router:
            try:
                return (await router.route(LONG, **own)).model
            except NoModelError as error:
                return "refused" if "would exceed" in str(error) else str(error)

    assert asyncio.run(answers(2 * ONE)) == "first"
    assert asyncio.run(answers(ONE / 2)) == "refused"
    assert asyncio.run(answers(ONE / 2, max_cost_usd=9.0)) == "refused"
    assert asyncio.run(answers(2 * ONE, max_cost_usd=ONE / 2)) == "refused"


def test_everything_wrong_with_budgets_is_told_at_once(tmp_path):
    path = tmp_path / "budgets.toml"
    path.write_text(
        "alerts = [0.5, 8.0]\n[all]\nlimit_usd = -1.0\n[tenants.acme]\nlimit_usd = 2.0\n"
        'at_limit = "degrade"\nhard_limit_usd = 1.0\n'
    )
    with pytest.raises(BudgetError) as caught:
        read(path)
    message = str(caught.value)
    for part in ("all: limit_usd is -1", "acme: hard_limit", "8.0 is no share", "needs cheaper"):
        assert part in message
    path.write_text("day_usd = 1.0\n[all]\nlimit = 1.0\n[tenants.acme]\nusd = 2\n")
    with pytest.raises(BudgetError) as caught:
        read(path)
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "budgets.toml: the file: no field 'day_usd'",
        "budgets.toml: all: no field 'limit'",
        "budgets.toml: all: limit_usd is missing",
        "budgets.toml: tenants.acme: no field 'usd'",
        "budgets.toml: tenants.acme: limit_usd is missing",
    ]
    path.write_text(
        "output_tokens = 0\ncheaper = 3\nalerts = 0.5\n[all]\nlimit_usd = nan\nperiod = 'days'\n"
        "[tenants.acme]\nlimit_usd = '5'\nat_limit = 'degrade'\n"
        "[tenants.north]\nlimit_usd = true\n"
    )
    with pytest.raises(BudgetError) as caught:
        read(path)
    assert sorted(caught.value.problems) == [
        "budgets.toml: alerts is 0.5; write a list of numbers",
        "budgets.toml: all: limit_usd is nan; a limit is finite and not negative",
        "budgets.toml: all: no period 'days'; write 'day'; there is day, month, total",
        "budgets.toml: cheaper is 3; write text in quotes",
        "budgets.toml: output_tokens is 0; it must be positive",
        "budgets.toml: tenants.acme: limit_usd is '5'; write a number",
        "budgets.toml: tenants.north: limit_usd is true; write a number",
    ]
    with pytest.raises(BudgetError, match="cannot be read as budgets"):
        read(tmp_path / "nothing.toml")


@pytest.mark.parametrize("text", ["", "alerts = [0.5]\noutput_tokens = 9\n", "[tenants]\n"])
def test_a_file_of_budgets_without_a_budget_is_refused(tmp_path, text):
    (tmp_path / "b.toml").write_text(text)
    with pytest.raises(BudgetError, match=r"^b\.toml: there is no budget; give request_usd"):
        read(tmp_path / "b.toml")


def test_periods_are_those_of_utc():
    assert periods.period("day", NOON) == "2026-11-24"
    assert periods.period("month", NOON) == "2026-11"
    assert periods.ends_s("month", NOON) == NOON + 6.5 * 86400
    assert periods.ends_s("total", NOON) is None
    assert periods.period("day", NOON + 43199.9) == "2026-11-24"
    assert periods.period("day", NOON + 43200.0) == "2026-11-25"


class Winding:
    """Gives the loop many chances to be cancelled before it answers, or fails for money."""

    async def send(self, asked):
        for _ in range(5):
            await asyncio.sleep(0)
        if asked.deployment.model == "dear-name":
            return Reply(503, {"usage": {"prompt_tokens": 1000, "completion_tokens": 0}})
        return Reply(200, completion("yes"))

    def hide(self, deployment, text):
        return text


@pytest.mark.parametrize("kept", ["memory", "sqlite"])
def test_cancelling_at_any_await_leaves_no_reservation(tmp_path, kept):
    world = catalogue(first=model("dear", "one"), last=model("two"))
    store = SqliteStore(tmp_path / "b.sqlite") if kept == "sqlite" else None
    signals = {"score": lambda request, body: 0.0}

    async def use(router):
        ended = []
        for turns in range(60):
            asking = asyncio.ensure_future(router.route(LONG, max_tokens=500))
            for _ in range(turns):
                await asyncio.sleep(0 if kept == "memory" else 0.0001)
            asking.cancel()
            ended.append(type((await asyncio.gather(asking, return_exceptions=True))[0]).__name__)
        return ended, await router.snapshot()

    ended, snapshot = with_router(
        tmp_path,
        CASCADE,
        world,
        daily(100.0),
        use,
        transport=None,
        upstream=Winding(),
        budget_store=store,
        signals=signals,
    )
    assert set(ended) == {"CancelledError", "RoutedAnswer"}
    left = snapshot.budgets[0]
    assert left.reserved_usd == 0.0
    assert left.spent_usd > 2 * ONE * ended.count("RoutedAnswer")
    assert left.spent_usd == pytest.approx(snapshot.requests.cost_usd)
    assert snapshot.requests.count >= ended.count("RoutedAnswer") > 0


def test_a_failure_after_something_was_sent_is_not_told_as_a_refusal(tmp_path):
    async def use(router):
        with pytest.raises(RouteError, match="boiler on fire") as caught:
            await router.route(LONG, max_tokens=500)
        return caught.value

    dear = {name: 100 * price for name, price in PRICES.items()}
    world = catalogue(first=model("broken"), last=model("plain", **dear))
    error = with_router(tmp_path, CASCADE, world, daily(0.02), use)
    assert not isinstance(error, BudgetError)
    assert "the budget of all" in str(error)


def test_budgets_that_another_program_locks_are_waited_for_until_the_deadline(tmp_path):
    path = tmp_path / "b.sqlite"

    async def use(router):
        await router.route(LONG, max_tokens=500)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(BudgetError, match="before the request's deadline"):
            await router.route(LONG, max_tokens=500, deadline_s=0.2)
        waited_s = time.monotonic() - started
        other.execute("ROLLBACK")
        other.close()
        return waited_s, await router.snapshot()

    world = catalogue(first=model("plain"))
    options = {
        "budget_store": SqliteStore(path),
        "estimates": {"first": CallEstimate(latency_s=0.01)},
    }
    waited_s, snapshot = with_router(tmp_path, FIXED, world, daily(1.0), use, **options)
    assert waited_s < 5.0  # SQLite alone waits for 10 s
    assert (snapshot.budgets[0].reserved_usd, snapshot.budgets[0].spent_usd) == (0.0, ONE)


SILENT = catalogue(first=model("asleep", "plain"))
"""A model whose first deployment never replies."""
RESERVED = ((1.5 * 1000 + 8) * 2.0 + 500 * 8.0) / 1e6
"""Upper cost of one call of `ask`."""


@pytest.mark.parametrize(("unanswered", "attempts"), [("nothing", 0), ("reserved", 1)])
def test_an_attempt_that_nobody_answered_is_charged_as_the_budgets_say(
    tmp_path, unanswered, attempts
):
    async def use(router):
        (one,) = await ask(router, 1)
        return one, (await router.snapshot()).budgets[0]

    budgets = replace(daily(1.0), unanswered=unanswered)
    one, left = with_router(tmp_path, FIXED, SILENT, budgets, use, timeout_s=0.05)
    assert len(one.decision.answer.attempts) == 2
    assert left.spent_usd == pytest.approx(one.cost_usd + attempts * RESERVED)
    assert left.reserved_usd == 0.0


def test_silence_that_is_charged_leaves_no_room_for_another_try(tmp_path):
    async def use(router):
        with pytest.raises(RouteError) as caught:
            await router.route(LONG, max_tokens=500)
        return str(caught.value), (await router.snapshot()).budgets[0].spent_usd

    budgets = replace(daily(1.5 * RESERVED), unanswered="reserved")
    why, spent = with_router(tmp_path, FIXED, SILENT, budgets, use, timeout_s=0.05)
    assert "an attempt that failed cost money, and no other is made" in why
    assert spent == pytest.approx(RESERVED)


def test_every_silent_sample_is_charged_its_part_of_the_reservation(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="sure")
    world = catalogue(first=model("asleep"), last=model("plain"))
    budgets = replace(daily(1.0), unanswered="reserved")

    async def use(router):
        routed = await router.route(LONG, max_tokens=500)
        return routed.cost_usd, (await router.snapshot()).budgets[0].spent_usd

    signals = {"sure": "agreement:3"}
    cost, spent = with_router(
        tmp_path, policy, world, budgets, use, timeout_s=0.05, signals=signals
    )
    assert spent == pytest.approx(cost + 3 * RESERVED)


def test_a_stream_that_never_said_anything_is_charged_likewise(tmp_path):
    async def use(router):
        async with router.stream(LONG, max_tokens=500) as answer:
            async for _ in answer:
                pass
        return answer.routed.cost_usd, (await router.snapshot()).budgets[0].spent_usd

    timeouts = Timeouts(first_token_s=0.05)
    slow, good = SILENT.models["first"].deployments
    world = catalogue(
        first=replace(SILENT.models["first"], deployments=(replace(slow, timeouts=timeouts), good))
    )
    budgets = replace(daily(1.0), unanswered="reserved")
    cost, spent = with_router(tmp_path, FIXED, world, budgets, use)
    assert spent == pytest.approx(cost + RESERVED)


@pytest.mark.parametrize(("unanswered", "attempts"), [("nothing", 0), ("reserved", 1)])
def test_a_try_that_its_caller_left_is_charged_as_one_that_nobody_answered(
    tmp_path, unanswered, attempts
):
    async def use(router):
        asking = asyncio.create_task(ask(router, 1))
        while not endpoint.behaviours:
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return (await router.snapshot()).budgets[0]

    endpoint, world = Endpoint(), catalogue(first=model("asleep"))
    budgets = replace(daily(1.0), unanswered=unanswered)
    left = with_router(tmp_path, FIXED, world, budgets, use, transport=endpoint.transport)
    assert left.spent_usd == pytest.approx(attempts * RESERVED)
    assert left.reserved_usd == 0.0


DEAR = {
    "cached_input_usd_per_mtok": 0.5,
    "cache_write_1h_usd_per_mtok": 4.0,
    "reasoning_usd_per_mtok": 16.0,
    "usd_per_request": 0.25,
    "tiers": (ContextTier(above_tokens=1200, input_usd_per_mtok=20.0),),
    "services": {"priority": ServicePrices(output_usd_per_mtok=80.0)},
}
"""Beside 2 USD and 8 USD: a prompt of `LONG` is estimated at 1,508 tokens with its margin."""


@pytest.mark.parametrize(
    ("facts", "fields", "usd"),
    [
        ({}, {}, (1508 * 2.0 + 500 * 8.0) / 1e6),
        (DEAR, {}, (1508 * 20.0 + 500 * 16.0) / 1e6 + 0.25),
        (DEAR | {"tiers": ()}, {}, (1508 * 4.0 + 500 * 16.0) / 1e6 + 0.25),
        (DEAR, {"service_tier": "priority"}, (1508 * 20.0 + 500 * 80.0) / 1e6 + 0.25),
        (DEAR, {"service_tier": "auto"}, (1508 * 20.0 + 500 * 80.0) / 1e6 + 0.25),
        (DEAR, {"service_tier": "flex"}, (1508 * 20.0 + 500 * 16.0) / 1e6 + 0.25),
        (
            {"dated": (DatedPrices(from_day=date(2026, 11, 24), usd_per_request=0.75),)},
            {},
            0.75,
        ),
        (
            {
                "dated": (
                    DatedPrices(
                        from_day=date(2026, 11, 25), input_usd_per_mtok=9.0, output_usd_per_mtok=9.0
                    ),
                )
            },
            {},
            (1508 * 2.0 + 500 * 8.0) / 1e6,
        ),
        ({"parameters": Parameters(max_tokens=100)}, {}, (1508 * 2.0 + 100 * 8.0) / 1e6),
        (NO_PRICES | {"usd_per_request": 0.5}, {}, 0.5),
    ],
)
def test_a_call_is_reserved_at_the_dearest_that_it_can_meet(tmp_path, facts, fields, usd):
    """A budget just below the reservation refuses, and one just above lets it through."""
    world = catalogue(first=model("plain", **facts))

    async def use(router):
        return (await ask(router, 1, **fields))[0]

    small = with_router(tmp_path / "a", FIXED, world, daily(usd * 0.99), use)
    assert isinstance(small, BudgetError)
    enough = with_router(tmp_path / "b", FIXED, world, daily(usd * 1.01), use)
    assert not isinstance(enough, BudgetError)
