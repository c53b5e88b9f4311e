"""`routelab log`: what it shows of a decision log is what routers did."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.signal_spec import SignalSpec
from routelab.errors import BudgetError
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import Document, write
from routelab.runtime import AsyncRouter, Reply, RouterConfig
from routelab.runtime.budgets import BudgetRule, Budgets

PRICED = Model(2.0, 8.0, deployments=(Deployment("http://a.test/v1", "m"),))


class Canned:
    """Answers after nothing, with usage of a dollar in a thousand."""

    async def send(self, asked):
        usage = {"prompt_tokens": 100, "completion_tokens": 100}
        return Reply(200, {"choices": [{"message": {"content": "yes"}}], "usage": usage})

    def hide(self, deployment, text):
        return text


@pytest.fixture
def folder(tmp_path):
    """The log of three requests, one of which was judged."""
    document = Document(
        name="test",
        policy=to_wire(Fixed("small")),
        candidates=("small",),
        catalogue=Catalogue({"small": PRICED}),
    )
    chosen = write(tmp_path / "p.policy", document, "# p\n")

    async def run():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(upstream=Canned(), log=tmp_path / "decisions"),
        ) as router:
            for number in range(3):
                await router.route("hello", id=f"r{number}", tenant="[acme]")
            router.feedback("r1", 0.25)

    asyncio.run(run())
    return tmp_path / "decisions"


def test_describe_adds_up_what_was_spent_and_by_whom(run, folder):
    found = run.ok("log", "describe", folder, "--json").data
    assert found["statuses"] == {"answered": 3}
    assert found["models"]["small"]["cost_usd"] == pytest.approx(0.003)
    assert found["models"]["small"]["usd_per_1k"] == pytest.approx(1.0)
    assert found["tenants"]["[acme]"]["count"] == 3
    assert found["quality"]["small"]["mean"] == 0.25
    assert list(found["policies"].values()) == [3]
    shown = run.ok("log", "describe", folder).out
    assert "3 requests (3 answered)" in shown
    for part in ("[acme]", "m at http://a.test/v1", "0.2500 (1)", "0.003"):
        assert part in shown
    assert "small" in run.ok("data", "describe", folder).out


def test_calls_that_a_budget_refused_are_told_apart_as_the_router_told_them(run, tmp_path):
    cascade = Cascade(("small", "large"), (2.0,), "score")
    document = Document(
        name="test",
        policy=to_wire(cascade),
        candidates=cascade.models,
        catalogue=Catalogue({"small": PRICED, "large": PRICED}),
        signals={"score": SignalSpec()},
    )
    chosen = write(tmp_path / "p.policy", document, "# p\n")
    options = {
        "upstream": Canned(),
        "log": tmp_path / "decisions",
        "budgets": Budgets(all=BudgetRule(limit_usd=0.0055)),  # five calls of a tenth of a cent
        "signals": {"score": "column:absent"},
    }

    async def serve():
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(**options)
        ) as router:
            for number in range(4):
                with contextlib.suppress(BudgetError):
                    await router.route("hello", id=f"r{number}", max_tokens=100)
            return await router.snapshot()

    live = asyncio.run(serve())
    found = run.ok("log", "describe", tmp_path / "decisions", "--json").data
    told = {name: (of.count, of.errors, of.not_sent) for name, of in live.models.items()}
    assert told == {"small": (3, 0, 1), "large": (2, 0, 2)}  # the last request was refused both
    assert (live.escalated, live.cut_short, live.statuses) == (2, 1, {"answered": 3, "refused": 1})
    for kind in ("requests", "models", "steps", "deployments", "tenants"):
        assert found[kind] == msgspec.to_builtins(getattr(live, kind), str_keys=True)
    for kind in ("escalated", "cut_short", "escalation_rate"):
        assert found[kind] == getattr(live, kind)
    shown = run.ok("log", "describe", tmp_path / "decisions").out
    assert "calls not sent: 3" in shown
    assert "1 requests got an earlier answer instead" in shown
    assert "not sent" in shown


def test_feedback_from_a_file_goes_before_that_in_the_log(run, folder, tmp_path):
    judged = tmp_path / "judged.jsonl"
    judged.write_text(
        '{"request_id": "r1", "quality": 1.0}\n{"request_id": "r2", "quality": 0.5}\n'
        '{"request_id": "elsewhere", "quality": 0.0}\n'
    )
    found = run.ok("log", "describe", folder, "--feedback", judged, "--json").data
    assert (found["quality"]["small"]["mean"], found["quality"]["small"]["count"]) == (0.75, 2)
    judged.write_text('{"request_id": "r1"}\n')
    assert "judged.jsonl: feedback needs quality" in run.refused(
        "log", "describe", folder, "--feedback", judged
    )


def test_compact_says_what_became_of_which_files_and_changes_no_figure(run, folder):
    before = run.ok("log", "describe", folder, "--json").data
    done = run.ok("log", "compact", folder, "--json").data
    assert (len(done["files"]), len(done["out"]), done["requests"]) == (1, 1, 3)
    assert run.ok("log", "describe", folder, "--json").data == before
    assert "nothing to compact" in run.ok("log", "compact", folder).out


def test_what_is_no_decision_log_is_said_to_be_none(run, sample_file):
    assert "holds no decision log" in run.refused("log", "describe", sample_file)
    assert "is no folder" in run.refused("log", "compact", sample_file)
