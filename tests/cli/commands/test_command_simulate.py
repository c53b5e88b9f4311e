"""`routelab simulate`: what it prints and writes, its exit status, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_world import left_behind, rows_of, save, without

from routelab.cli.bundled_files import datasets
from routelab.core.catalogue.catalogue import Catalogue
from routelab.logs import read
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, write

FEW = ("--requests", 200, "--seed", 1)


@pytest.fixture
def world(tmp_path):
    """A small policy and log; a function that runs a day of it."""
    log = save(tmp_path / "log.csv", timed(rows_of()))
    return policy_of(tmp_path, log), log


def timed(rows):
    return [
        {**row, "latency_s": 0.4 + 0.3 * (row["model"] == "large"), "completion_tokens": 20}
        for row in rows
    ]


def policy_of(folder, log, models=("small", "large")):
    opened = read(log)
    document = Document(
        name="small",
        policy=to_wire(Cascade(models, (0.7,), "sure")),
        candidates=models,
        catalogue=Catalogue(),
        signals={"sure": opened.spec("sure")},
    )
    write(folder / "small.policy", document, "# small\n")
    return folder / "small.policy"


def toml(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_it_tells_the_day_writes_a_page_and_repeats_itself(run, tuned, sample_file, tmp_path):
    events = [tmp_path / f"{name}.jsonl" for name in "ab"]
    asked = (
        tuned.policy,
        "--log",
        sample_file,
        *FEW,
        "--faults",
        "outage",
        "--slo",
        "slo",
        "--arrivals",
        "poisson:1.2",
    )
    first = run("simulate", *asked, "--json", "--events", events[0])
    run("simulate", *asked, "--no-report", "--events", events[1])
    assert events[0].read_bytes() == events[1].read_bytes()
    assert first.status == (0 if first.data["holds"] else 1)
    assert [it["objective"] for it in first.data["slo"][0]] == [
        "p95_latency_s", "usd_per_1k", "quality", "error_rate",
    ]  # fmt: skip
    assert first.data["report"] == "reports/sample-outage.html"
    page = (tmp_path / "reports" / "sample-outage.html").read_text(encoding="utf-8")
    assert "outage north" in page


def test_an_objective_that_is_missed_gives_status_1(run, world, tmp_path):
    policy, log = world
    goals = toml(tmp_path / "slo.toml", "p95_latency_s = 0.1\nerror_rate = 0.5\n")
    done = run("simulate", policy, "--log", log, *FEW, "--slo", goals, "--no-report", "--json")
    assert done.status == 1
    assert [it["holds"] for it in done.data["slo"][0]] == [False, True]
    assert done.data["holds"] is False


def test_policies_stand_side_by_side(run, world):
    policy, log = world
    done = run.ok("simulate", policy, policy, "--log", log, *FEW, "--json")
    first, second = done.data["days"]
    assert first == second
    assert "Side by side" in Path(done.data["report"]).read_text(encoding="utf-8")


def test_a_budget_refuses_what_it_has_no_room_for(run, world, tmp_path):
    policy, log = world
    bill = run.ok("simulate", policy, "--log", log, *FEW, "--no-report", "--json").data["days"][0]
    half = bill["usd_per_1k"] * 200 / 1000 / 2
    budgets = toml(tmp_path / "budgets.toml", f"[all]\nlimit_usd = {half}\n")
    catalogue = toml(
        tmp_path / "models.toml",
        "".join(
            f"[models.{name}]\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 1.0\n"
            for name in ("small", "large")
        ),
    )
    asked = ("--budgets", budgets, "--catalogue", catalogue, "--no-report", "--json")
    day = run.ok("simulate", policy, "--log", log, *FEW, *asked).data["days"][0]
    assert day["status"].get("refused", 0) > 0
    assert day["usd_per_1k"] * 200 / 1000 <= half


def refused(run, world, *options):
    policy, log = world
    told = run.refused("simulate", policy, "--log", log, *FEW, *options)
    assert all(name.endswith(".toml") for name in left_behind(log.parent, policy, log))
    return told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[faults]]\nkind='outage'\nfrom_s=9000\nto_s=9100\n", "the last request arrives at"),
        ("[[faults]]\nkind='outage'\nfrom_s=1\nto_s=2\nmodel='huge'\n", "no model 'huge'"),
        ("[[faults]]\nkind='outage'\nfrom_s=1\nto_s=2\nprovider='moon'\n", "no provider 'moon'"),
        (
            "[[faults]]\nkind='outage'\nfrom_s=1\nto_s=2\ndeployment='http://x/v1'\n",
            "no deployment 'http://x/v1'",
        ),
        ("[[faults]]\nkind='outage'\nfrom_s=5\nto_s=2\n", "end after that"),
        ("[[faults]]\nkind='flood'\nfrom_s=1\nto_s=2\n", "flood"),
        ("[[faults]]\nkind='slow'\nfrom_s=1\nto_s=2\nfactor=0\n", "factor = 0"),
        ("[[faults]]\nkind='rate-limit'\nfrom_s=1\nto_s=2\nrequests_per_minute=-1\n", "positive"),
        ("[[surges]]\nfrom_s=1\nto_s=2\nfactor=0\n", "must be positive"),
        ("[[surges]]\nfrom_s=9000\nto_s=9001\nfactor=2\n", "surge 1 begins at 9000"),
        ("[capacity]\nhuge=3\n", "capacity of 'huge'"),
        ("[capacity]\nsmall=0\n", "1 or more"),
        ("colour='red'\n", "colour"),
        ("[[faults]\n", "not valid TOML"),
    ],
)
def test_a_scenario_that_would_not_happen_is_refused(run, world, tmp_path, text, told):
    day = toml(tmp_path / "day.toml", text)
    complaint = refused(run, world, "--faults", day)
    assert told in complaint
    assert "day.toml" in complaint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[model.huge]\nerror_rate=0.1\n", "no request of the simulated day is of it"),
        ("[tenant.acme]\nquality=0.1\n", "no request of the simulated day is of it"),
        ("error_rate=-1\n", "not negative"),
        ("p90_latency_s=1\n", "p90_latency_s"),
        ("", "no objective"),
    ],
)
def test_an_objective_that_cannot_be_judged_is_no_pass(run, world, tmp_path, text, told):
    goals = toml(tmp_path / "slo.toml", text)
    complaint = refused(run, world, "--slo", goals)
    assert told in complaint
    assert "slo.toml" in complaint


def test_latency_that_was_never_observed_is_no_pass(run, tmp_path):
    log = save(tmp_path / "log.csv", rows_of())
    policy = policy_of(tmp_path, log)
    told = refused(run, (policy, log))
    assert "no latency of small, large was observed" in told
    goals = toml(tmp_path / "slo.toml", "p95_latency_s = 5\n")
    told = refused(run, (policy, log), "--latency", "none", "--slo", goals)
    assert "never observed, so it cannot be judged" in told


def test_arrivals_that_make_no_sense_are_refused(run, world, tmp_path):
    backwards = tmp_path / "trace.csv"
    backwards.write_text("arrival_s\n0\n5\n4\n", encoding="utf-8")
    assert "run backwards at row 3" in refused_with(run, world, "--arrivals", backwards)
    assert "no such file" in refused_with(run, world, "--arrivals", "nowhere.csv")
    for rate in ("poisson:0", "poisson:-3", "poisson:often"):
        assert "positive number of requests/s" in refused_with(run, world, "--arrivals", rate)
    assert "no timestamp" in refused_with(run, world, "--arrivals", "log")
    assert "rate is 0" in refused_with(run, world, "--rate", 0)
    assert "requests is -1" in refused_with(run, world, "--requests", -1)
    assert "duration is 0" in refused_with(run, world, "--duration", 0)


def refused_with(run, world, *options):
    policy, log = world
    return run.refused("simulate", policy, "--log", log, *options)


def test_a_log_without_the_outcomes_is_refused(run, world, tmp_path):
    policy, _ = world
    other = [{**it, "model": it["model"].replace("large", "big")} for it in timed(rows_of())]
    told = run.refused("simulate", policy, "--log", save(tmp_path / "other.csv", other))
    assert "no outcome of model 'large'" in told
    half = [{**it, "quality": ""} if i % 4 == 1 else it for i, it in enumerate(timed(rows_of()))]
    holes = save(tmp_path / "holes.csv", half)
    assert "150 rows (50.0%) lack an outcome" in run.refused("simulate", policy, "--log", holes)
    done = run.ok("simulate", policy, "--log", holes, "--allow-missing", "--no-report", "--json")
    assert done.data["days"][0]["failed"] == 0
    assert "150 rows" in done.err
    unsure = save(tmp_path / "unsure.csv", without(timed(rows_of()), "sure"))
    assert "no signal 'sure'" in run.refused("simulate", policy, "--log", unsure)


def test_files_that_cannot_be_read_are_named(run, world, tmp_path):
    policy, log = world
    assert "gone.toml" in refused_with(run, world, "--faults", "gone.toml")
    assert "with routelab come" in refused_with(run, world, "--faults", "hurricane")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refused_with(run, world, "--slo", "bytes.toml")
    assert "two days do not fit" in run.refused(
        "simulate", policy, policy, "--log", log, "--events", "events.jsonl"
    )
    assert not Path("events.jsonl").exists()


def test_every_shipped_file_is_in_the_wheel():
    pyproject = datasets().parent / "pyproject.toml"
    if not pyproject.exists():
        pytest.skip("not run from a checkout")
    assert '"datasets" = "routelab/_datasets"' in pyproject.read_text(encoding="utf-8")
    shipped = {it.stem for it in (datasets() / "scenarios").glob("*.toml")}
    assert shipped >= {"outage", "slow", "rate-limits", "cut-streams", "spike", "slo"}


def test_tune_chooses_for_objectives_and_tells_what_became_of_them(run, tmp_path):
    log = save(tmp_path / "log.csv", timed(rows_of()))
    goals = toml(tmp_path / "goals.toml", "p95_latency_s = 2.0\nerror_rate = 0.01\n")
    asked = ("--slo", goals, "--simulated-trials", 3, "--trials", 5, "--no-tracking")
    asked += ("--policy", "cascade")
    done = run.ok("tune", log, "--signal", "sure:1", *asked, "--out", "goals.policy", "--json")
    assert [it["holds"] for it in done.data["slo"]["test"]] == [True, True]
    assert any("error_rate of all is kept" in it for it in done.data["reasons"])
    page = Path(done.data["report"]).read_text(encoding="utf-8")
    assert "Objectives on simulated days" in page
    told = run.ok("tune", log, "--signal", "sure:1", *asked, "--out", "goals.policy")
    assert "3 of 3 simulated days kept every objective" in told.out


def test_tune_refuses_what_does_not_go_with_objectives(run, tmp_path):
    log = save(tmp_path / "log.csv", timed(rows_of()))
    assert "give --slo too" in run.refused("tune", log, "--faults", "outage")
    goals = toml(tmp_path / "goals.toml", "error_rate = 0.01\n")
    asked = ("--slo", goals, "--seeds", 2, "--min-quality", 0.5)
    told = run.refused("tune", log, *asked)
    assert "--seeds does not allow" in told
    assert "bounds on cost" in told
    assert "--simulated-trials is 0" in run.refused(
        "tune", log, "--slo", goals, "--simulated-trials", 0
    )
    assert left_behind(tmp_path, log, goals) == []


def test_logged_answers_that_are_too_slow_are_warned_of_before_the_day(run, sample_file, tuned):
    day = ("simulate", tuned.policy, "--log", sample_file, "--requests", 200, "--no-report")
    done = run.ok(*day, "--timeout", 6)
    told = " ".join(done.err.split())
    assert "logged answers of 'frontier'" in told
    assert "take longer than 6 s" in told
    (patient_s,) = re.findall(r"--timeout (\d+) waits for all of them", told)
    shown = " ".join(done.out.split())
    assert "no answer in 6 s" in shown
    assert "answers that nobody waited for: up to" in shown
    quiet = run.ok(*day, "--timeout", patient_s)
    assert "warning" not in quiet.err
    assert "Attempts without an answer" not in quiet.out
    halved = run.ok(*day, "--timeout", 6, "--json").data["days"][0]
    assert halved["slow_answers"][0]["limit_s"] == 6.0
    assert halved["unwaited_usd_per_1k"] > 0.0
    fast = run.ok(*day, "--timeout", 6, "--latency-scale", 0.01, "--json").data["days"][0]
    assert (fast["slow_answers"], fast["unwaited_usd_per_1k"]) == ([], 0.0)


def test_tune_warns_of_answers_that_production_would_not_wait_for(run, tmp_path, sample_file):
    models = "\n".join(
        f'[models.{name}]\n[[models.{name}.deployments]]\nbase_url = "http://127.0.0.1:9/v1"\n'
        f'model = "{name}"\n[models.{name}.deployments.timeouts]\ntotal_s = 6.0\n'
        for name in ("small-8b", "frontier")
    )
    (tmp_path / "models.toml").write_text(models)
    study = ("--models", "small-8b,frontier", "--policy", "cascade", "--trials", 3)
    study += ("--no-tracking", "--no-report")
    alone = ("--models", "small-8b", *study[2:])
    done = run.ok("tune", sample_file, *study, "--catalogue", tmp_path / "models.toml")
    told = " ".join(done.err.split())
    assert "logged answers of 'frontier'" in told
    assert "Figures here count them as answered" in told
    assert "timeouts.total_s" in told
    done = run("tune", sample_file, *alone, "--replace", "--catalogue", tmp_path / "models.toml")
    assert "'frontier'" not in done.err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--events", ""), "--events"),
        (("--events", "."), "--events .: cannot be written: Is a directory"),
        (("--events", "/"), "--events /: cannot be written: Is a directory"),
        (("--events", "/dev/null"), "--events /dev/null: cannot be written: is no regular file"),
        (("--events", "none/e.jsonl"), "--events none/e.jsonl: cannot be written: No such file"),
        (("--events", "/dev/full/e"), "--events /dev/full/e: cannot be written: Not a directory"),
        (("--seed", "-1"), "--seed is -1"),
        (("--arrivals", "poisson:1e-9"), "arrivals poisson:1e-9: "),
        (("--arrivals", "poisson:1e300"), "arrivals poisson:1e300: "),
    ],
)
def test_a_file_seed_or_rate_that_cannot_be_is_refused_by_name(
    run, tuned, sample_file, tmp_path, monkeypatch, given, says
):
    monkeypatch.chdir(tmp_path)
    asked = ("simulate", tuned.policy, "--log", sample_file, "--no-report", "--requests", "20")
    assert says in " ".join(run.refused(*asked, *given).split())


def test_a_disk_that_is_full_while_events_are_written_is_told(
    run, tuned, sample_file, tmp_path, monkeypatch
):
    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.fsync", full)
    asked = ("simulate", tuned.policy, "--log", sample_file, "--no-report", "--requests", "20")
    said = run.refused(*asked, "--events", "e.jsonl")
    assert "--events e.jsonl: cannot be written: No space left on device" in said
    assert not list(tmp_path.iterdir())
