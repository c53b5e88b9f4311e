"""`routelab plan`: tables and JSON of a plan, and what cannot be planned."""

from __future__ import annotations

import pytest

from routelab.core.catalogue import Catalogue, Model
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document
from routelab.policy_file import write as write_policy

SMALL, LARGE = "small-8b", "frontier"


@pytest.fixture
def there(tmp_path, sample_file):
    """Arguments: a policy to plan for, the one that serves, and a part of the embedded log."""
    for name, model in (("now", SMALL), ("new", LARGE)):
        document = Document(
            name=name,
            policy=to_wire(Fixed(model)),
            candidates=(model,),
            catalogue=Catalogue({it: Model(cost_reported=True) for it in (SMALL, LARGE)}),
        )
        write_policy(tmp_path / f"{name}.policy", document, "")
    return (
        "plan", tmp_path / "new.policy", "--current", tmp_path / "now.policy", "--log", sample_file,
        "--epsilon", "0.2",
    )  # fmt: skip


def test_a_plan_says_how_much_and_how_long(run, there):
    out = run.ok(*there, "--better-by", "5", "--per-day", "2000", "--days", "5").out
    assert "new is shown to be better than now by more than 5 points" in out
    assert "take epsilon 0.2: the least that is done in 5 days" in out
    found = run.ok(*there, "--better-by", "5", "--per-day", "2000", "--json").data
    (line,) = found["options"]
    assert found["margin"] == 0.05
    assert line["days"] == line["requests"] / 2000
    assert line["power"] > 0.75


def test_a_plan_that_cannot_be_exits_with_1_and_says_why(run, there):
    ended = run(*there, "--saving", "1")
    assert ended.status == 1
    assert "nothing will do" in ended.out
    assert "USD per 1,000" in ended.out


def test_two_decisions_at_once_are_refused(run, there):
    assert "--saving" in run.refused(*there, "--saving", "1", "--better-by", "1")
    assert "--power" in run.refused(*there, "--power", "0.1")
