"""`routelab certify`, and `tune --certify`, as a user meets them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cli_world import asking, rows_of, run_once, save


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A folder with a log and a policy tuned on it with a certificate, and what was said."""
    folder = tmp_path_factory.mktemp("certified")
    log = asking(save(folder / "log.csv", rows_of(3000)))
    quiet = ("--policy", "cascade", "--no-report", "--no-tracking", "--trials", 10)
    ask = ("--certify", "regret=0.1", "--out", "a.policy", *quiet, "--json")
    return folder, run_once(folder, "tune", log, *ask).data


@pytest.fixture
def made(run, certified, tmp_path):
    """A log, and a policy tuned on it with a certificate, both free to be changed."""
    folder, told = certified
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / "log.csv", tmp_path / "a.policy", told


def test_tune_proves_and_certify_repeats_it(run, made):
    log, policy, study = made
    proved = study["certificate"]
    assert proved["holds"] is True
    assert study["operating_points"][0]["name"] == "certified"
    again = run.ok("certify", policy, "--log", log, "--json").data
    (test,) = again["policies"]
    assert again["holds"] is True
    assert test["goals"] == proved["goals"]
    assert test["p_holm"] == proved["goals"][0]["p_value"]


def test_the_tables_say_it(run, made):
    log, policy, _ = made
    done = run.ok("certify", policy, "--log", log)
    assert "regret to the best model ≤ 0.1" in done.out
    assert "certified on" in done.out


def test_what_does_not_hold_exits_1_and_says_how_many_requests_would_do(run, made):
    log, policy, _ = made
    done = run("certify", policy, "--log", log, "--certify", "quality=0.99")
    assert done.status == 1
    assert "not certified" in done.out
    strict = run("certify", policy, "--log", log, "--certify", "regret=0.1", "--delta", 1e-9)
    assert strict.status == 1
    assert "calibrate requests would certify this policy" in strict.out.replace("\n", " ")


@pytest.mark.parametrize(
    "ask", [("--certify", "quality=0.5"), ("--certify", "regret=0.1", "--delta", 0.01)]
)
def test_requests_that_a_certificate_chose_the_policy_on_are_named(run, made, ask):
    log, policy, study = made
    assert study["certificate"]["path"] > 1
    done = run("certify", policy, "--log", log, *ask, "--json")
    assert "on these very requests" in done.err
    assert "on these very requests" in done.data["policies"][0]["assumptions"][-1]
    for new in (("--certify", "regret=0.1", "--delta", 0.2), (*ask, "--split", "test")):
        assert "very requests" not in run("certify", policy, "--log", log, *new).err


def test_several_policies_share_delta(run, made):
    log, policy, study = made
    p = study["certificate"]["goals"][0]["p_value"]
    done = run("certify", policy, policy, "--log", log, "--json").data
    assert [it["p_holm"] for it in done["policies"]] == pytest.approx([2 * p, 2 * p])
    assert [it["holds"] for it in done["policies"]] == [2 * p <= 0.1] * 2


def test_cost_on_another_log_needs_a_ceiling(run, made, tmp_path):
    _, policy, _ = made
    other = save(tmp_path / "other.csv", rows_of(800, seed=5))
    ask = ("certify", policy, "--log", other, "--split", "all", "--certify", "cost=3")
    assert "needs --cost-ceiling-usd" in run.refused(*ask)
    done = run.ok(*ask, "--cost-ceiling-usd", 0.01, "--json").data
    assert done["policies"][0]["goals"][0]["ceiling_usd"] == 0.01


@pytest.mark.parametrize("part", ["train", "tune", "all"])
def test_requests_that_made_the_policy_prove_nothing(run, made, part):
    log, policy, _ = made
    said = run.refused("certify", policy, "--log", log, "--split", part)
    assert "was made from these requests" in said


def test_bad_bounds_are_named(run, made, tmp_path):
    log, policy, _ = made
    assert "write regret=0.02" in run.refused("certify", policy, "--log", log, "--certify", "x")
    said = run.refused("certify", policy, "--log", log, "--certify", "regret=0.1:huge")
    assert "'huge' is no candidate" in said
    assert "--delta is 2.0" in run.refused("certify", policy, "--log", log, "--delta", 2)
    quiet = ("--policy", "cascade", "--no-report", "--no-tracking", "--trials", 5)
    few = asking(save(tmp_path / "few.csv", rows_of(300)))
    run.ok("tune", few, "--out", "plain.policy", *quiet)
    assert "has no certificate to test again" in run.refused(
        "certify", tmp_path / "plain.policy", "--log", few
    )


def test_a_log_that_grows_is_looked_at_again(run, tmp_path):
    def timed(rows):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return [
            {**row, "timestamp": (start + timedelta(minutes=at // 2)).isoformat()}
            for at, row in enumerate(rows)
        ]

    made = save(tmp_path / "log.csv", timed(rows_of(600)))
    quiet = ("--no-report", "--no-tracking", "--trials", 5, "--policy", "cascade")
    run.ok("tune", made, "--signal", "sure:1", "--out", "a.policy", *quiet)
    later = timed(rows_of(900, seed=5))
    short = save(tmp_path / "short.csv", later[: len(later) // 2])
    ask = ("certify", tmp_path / "a.policy", "--split", "all", "--certify", "quality=0.3", "--json")
    first = run("certify", *ask[1:], "--log", short).data["policies"][0]
    kept = tmp_path / "a.bets.json"
    assert kept.exists()
    grown = save(tmp_path / "grown.csv", later)
    second = run("certify", *ask[1:], "--log", grown).data["policies"][0]
    assert (first["look"], second["look"]) == (1, 2)
    assert second["goals"][0]["p_value"] <= first["goals"][0]["p_value"]
    assert second["method"] == "wealth"
    other = run("certify", *ask[1:], "--log", grown, "--bets", tmp_path / "b.json").data
    assert other["policies"][0]["goals"] == second["goals"]
    said = run.refused("certify", *ask[1:], "--log", grown, "--largest-group", 7)
    assert "bets on this policy were begun with" in said


def test_a_mean_over_groups_is_said_to_be_one(run, tmp_path):
    rows = [
        {**row, "group": f"c{int(row['request_id'][1:]) // 4}"} for row in rows_of(1200, seed=3)
    ]
    log = save(tmp_path / "log.csv", rows)
    quiet = ("--no-report", "--no-tracking", "--trials", 5, "--policy", "cascade")
    ask = ("--signal", "sure:1", "--certify", "quality=0.3/group", "--out", "g.policy")
    ask += ("--certify", "cost=20", "--cost-ceiling-usd", 0.07)
    done = run.ok("tune", log, *ask, *quiet)
    words = " ".join(done.out.split())
    assert "quality ≥ 0.3, over groups" in words
    assert "as a mean over groups" in words
    assert "over groups" in (tmp_path / "g.policy" / "card.md").read_text(encoding="utf-8")
    again = run.ok("certify", tmp_path / "g.policy", "--log", log, "--json").data["policies"][0]
    assert (again["goals"][0]["unit"], again["holds"]) == ("group", True)
    cost = again["goals"][1]
    assert (cost["ceiling_usd"], cost["ceiling_from"]) == (0.07, "named")  # as it was proved


def test_a_part_of_users_whom_an_earlier_part_has_is_refused(run, tmp_path):
    """Sixty users ask again and again, so that the policy was chosen on those of test."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    rows = rows_of(600)
    for at, row in enumerate(rows):
        row["group"] = f"user {at // 2 * 7919 % 60}"
        row["timestamp"] = (begun + timedelta(minutes=at // 2)).isoformat()
    log = asking(save(tmp_path / "log.csv", rows))
    quiet = ("--policy", "cascade", "--no-report", "--no-tracking", "--trials", 5)
    run.ok("tune", log, "--out", "u.policy", *quiet, "--json")
    for part, why in (
        ("test", "that an earlier part has, too"),
        ("calibrate", "was made from these requests, so nothing can be proved on them; use test,"),
    ):
        asked = ("--certify", "regret=0.1", "--split", part)
        said = run.refused("certify", tmp_path / "u.policy", "--log", log, *asked)
        assert f"--split {part}" in said
        assert why in " ".join(said.split())
