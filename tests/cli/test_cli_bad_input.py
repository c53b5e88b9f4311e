"""Every kind of bad input is refused with its own words, and nothing is written."""

from __future__ import annotations

import json
import socket

import pytest
from cli_world import asking, changed, left_behind, rows_of, save, without

from routelab.logs import read
from routelab.policies import to_wire
from routelab.tuning.kinds.kind_learning import LearnedKinds
from routelab.tuning.tuners import LEARNED

TUNE = ("--no-tracking", "--no-report", "--policy", "cascade", "--trials", 3)


@pytest.fixture
def refused(run, tmp_path):
    """The complaint about a log, after making sure that nothing was written."""

    def complain(rows, *options):
        path = save(tmp_path / "log.csv", rows)
        says = run.refused("tune", path, *TUNE, *options)
        assert left_behind(tmp_path, path) == []
        return says

    return complain


ROWS = rows_of(300)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (without(ROWS, "quality"), "log.csv: no column 'quality'"),
        (without(ROWS, "request_id"), "request_id"),
        (changed(ROWS, 4, quality=1.5), "quality is 1.5; quality lies in [0, 1]"),
        (changed(ROWS, 4, quality=-0.1), "quality is -0.1; quality lies in [0, 1]"),
        (changed(ROWS, 4, cost_usd=-1), "cost_usd is -1.0; it is finite and not negative"),
        (changed(ROWS, 4, quality="good"), "quality is 'good'; a number is expected"),
        (changed(ROWS, 4, sure="inf"), "a confidence is finite"),
        ([*ROWS, ROWS[4]], "request 'r0002' has more than one row of model 'small'"),
        (ROWS[::2], "only one model, 'small'; routing needs"),
        (ROWS[: len(ROWS) // 2 : 2] + ROWS[len(ROWS) // 2 + 1 :: 2], "no overlap: none of"),
    ],
)
def test_a_log_that_cannot_be(refused, rows, says):
    assert says in refused(rows, "--signal", "sure")


def test_a_bad_value_is_placed(refused):
    says = refused(changed(ROWS, 4, quality=1.5))
    assert "log.csv: row 5 (request 'r0002', model 'small')" in says


def test_all_problems_are_told_at_once(refused):
    says = refused(changed(changed(ROWS, 4, quality=2), 6, cost_usd=-1))
    assert "quality is 2.0" in says
    assert "cost_usd is -1.0" in says


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--models", "small,tiny"), "no model 'tiny'; it has small, large"),
        (("--models", "small"), "routing needs two candidate models or more"),
        (("--signal", "shure"), "signal 'shure': no column 'shure'"),
        (("--signal", "sure:0.5"), "at least 1"),
        (("--signal", "sure:nan"), "at least 1"),
        (("--signal", "sure:1", "--signal", "sure:2"), "--signal sure: is given twice"),
        (("--column", "quality=q", "--column", "quality=sure"), "--column quality: is given twice"),
        (("--min-quality", 1.5), "--min-quality is 1.5; quality lies in [0, 1]"),
        (("--max-usd-per-1k", "nan"), "--max-usd-per-1k is nan; it must be positive"),
        (("--min-quality-share", "inf"), "--min-quality-share is inf"),
        (("--max-usd-per-1k", 1e-6), "the least reachable is 0."),
        (("--min-quality", 1.0), "the best reachable is 0."),
        (("--trials", 0), "--trials is 0; at least 1 is needed"),
        (("--trials", "many"), "integer"),
        (("--max-p95-s", 0), "--max-p95-s is 0.0; it must be positive"),
        (("--max-p95-s", 1), "has no latency of any candidate"),
        (("--floor", "task"), "--floor task: give it as COLUMN=LOSS, for example task=0.02"),
        (("--floor", "task=2 points"), "--floor task=2 points: give it as COLUMN=LOSS"),
        (("--floor", "tenant=0.02"), "has no tenant column"),
        (("--floor", "colour=0.02"), "requests are grouped by task, tenant, priority"),
        (("--floor", "task=-1", "--max-usd-per-1k", -1), "--max-usd-per-1k is -1.0"),
        (("--sampler", "grid"), "--sampler grid: choose nsga2 or tpe"),
        (("--processes", 0), "--processes is 0; it must lie in [1, 64]"),
        (("--fresh",), "--fresh forgets what --storage keeps; give --storage too"),
        (("--storage", "t.log", "--policy", "tiers"), "--policy tiers makes none"),
        (("--processes", 2, "--policy", "tiers"), "--processes is for the trials of a search"),
        (("--recipe-trials", 5), "--recipe-trials is for scorers, and --policy cascade learns"),
        (("--pair", "small,large"), "--pair is for scorers, and --policy cascade learns none"),
        (("--no-account",), "--no-account is for scorers, and --policy cascade learns none"),
        (
            ("--policy", "tiers", "--pair", "small,large", "--no-account"),
            "--pair is of the account that --no-account leaves out",
        ),
        (("--policy", "tiers", "--pair", "small,huge"), "--pair: no model 'huge'"),
        (("--trials", 0, "--sampler", "grid"), "choose nsga2 or tpe"),
        (("--levels", 64), "--levels 64 is for a log that is read in batches; give --executor too"),
        (("--arrivals", "log", "--simulated-trials", 5), "--simulated-trials is of days that"),
        (("--seeds", 3, "--seed", 2**32 - 2), "give a smaller --seed"),
        (("--group", "moon"), "unknown grouping 'moon'"),
        (("--column", "quality"), "write it as OURS=THEIRS"),
        (("--column", "quality=score"), "no column 'score' to be quality"),
        (("--prices", "none.csv"), "none.csv"),
        (("--catalogue", "none.toml"), "none.toml: cannot be read as a catalogue"),
        (("--colour", "blue"), "--colour"),
    ],
)
def test_an_option_that_cannot_be(refused, options, says):
    assert says in " ".join(refused(ROWS, *options).replace("│", " ").split())


@pytest.mark.parametrize("kind", LEARNED)
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{**row, "quality": 1.0} for row in ROWS], "nothing to learn from one label, so use a"),
        (ROWS[:36], "labelled rows; at least 30 are needed"),
    ],
    ids=["one label", "few rows"],
)
def test_what_a_kind_cannot_learn_from(refused, kind, rows, says):
    told = refused(rows, "--policy", kind)
    assert f"{kind}: nothing could be learned from " in told
    assert says in told


def test_the_account_of_learning_can_be_left_out(run, tmp_path):
    log = save(tmp_path / "log.csv", [{**row, "task": "sums"} for row in rows_of(400)])
    printed, written = [], []
    for more in ((), ("--no-account",)):
        tuned = ("--policy", "tiers", "--out", "x.policy", "--no-tracking", "--no-report", "--json")
        printed.append(run.ok("tune", log, *tuned, *more).data)
        written.append({it.name: it.read_bytes() for it in (tmp_path / "x.policy").iterdir()})
    assert printed[0]["apgr"] is not None
    assert (printed[1]["apgr"], printed[1]["apgr_reason"]) == (
        None,
        "left out, as asked",
    )
    assert written[0]["weights.safetensors"] == written[1]["weights.safetensors"]
    first, second = (json.loads(it["policy.json"]) for it in written)
    assert first["policy"] == second["policy"]
    assert first["provenance"] == second["provenance"]


def test_where_nothing_can_be_learned_auto_still_tunes_cascades(run, tmp_path):
    log = save(tmp_path / "log.csv", without(ROWS, "prompt"))
    asked = ("--policy", "auto", "--signal", "sure")
    done = run.ok("tune", log, *TUNE, *asked, "--json")
    assert done.data["kind"] == "cascade"
    first, no_task = done.data["notes"]
    assert "cascade-routing: nothing could be learned from " in first
    told = "gain, gain+sure, quality, quality-after, quality-after+sure: the log has neither"
    assert told in no_task
    assert "neighbors" not in done.data["plan"]["kinds"]
    assert f"note: {first}" in done.err
    assert done.data["apgr"] is None
    assert done.data["apgr_reason"] == first


def test_what_could_not_be_used_for_learning_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr(LearnedKinds, "worth", lambda *_: None)  # says what learning is worth; slow
    rows = [{**row, "prompt": "", "task": "ab"[int(row["request_id"][1:]) % 2]} for row in ROWS]
    log = save(tmp_path / "log.csv", rows)
    done = run.ok("tune", log, *TUNE, "--policy", "tiers", "--json")
    (note,) = [it for it in done.data["notes"] if "empty" in it]
    assert note == "learning complexity: every prompt is empty"
    assert f"note: {note}" in done.err


def test_a_silent_signal_is_an_error_by_name_and_else_a_note(run, refused, tmp_path):
    rows = [{**row, "mute": None} for row in ROWS]
    assert "signal 'mute' has no value on any row" in refused(rows, "--signal", "mute")
    asking(tmp_path / "log.csv", "mute")
    done = run.ok("tune", tmp_path / "log.csv", *TUNE, "--json")
    assert "signal mute has no value on any row and is left out" in done.err
    assert any("mute" in note for note in done.data["notes"])


def test_a_model_without_cost_is_an_error_by_name_and_else_left_out(run, refused, tmp_path):
    rows = rows_of(300, ("small", "large", "gift"))
    rows = [{**row, "cost_usd": None} if row["model"] == "gift" else row for row in rows]
    assert "model 'gift' has no cost on any row" in refused(rows, "--models", "small,gift")
    done = run.ok("tune", tmp_path / "log.csv", *TUNE, "--json")
    assert "no cost of gift" in done.err
    assert done.data["candidates"] == ["small", "large"]


@pytest.mark.parametrize("command", [("tune",), ("data", "describe"), ("replay-server",)])
@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("log.csv", b"", "log.csv: the file is empty"),
        ("log.parquet", b"", "log.parquet: the file is empty"),
        ("log.parquet", b"PAR1 and no more", "log.parquet: "),
        ("log.xlsx", b"x", "log.xlsx: .xlsx is no known format"),
        ("log.jsonl", b"{", "log.jsonl: "),
        ("log.csv", b"\xff\xfe\x00", "log.csv: "),
    ],
)
def test_a_file_that_is_no_log(run, tmp_path, command, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    assert says in run.refused(*command, path)
    assert left_behind(tmp_path, path) == []


def test_a_file_that_is_not_there(run, tmp_path):
    assert "nowhere.csv: no such file" in run.refused("tune", "nowhere.csv")
    assert "no Parquet file in it" in run.refused("tune", tmp_path)


def test_a_truncated_parquet_file(run, sample_file, tmp_path):
    whole = sample_file.read_bytes()
    for share in (0.3, 0.99):
        path = tmp_path / "cut.parquet"
        path.write_bytes(whole[: int(share * len(whole))])
        assert "cut.parquet: " in run.refused("tune", path, *TUNE)


def test_a_prompt_of_ten_megabytes_is_tuned_like_any_other(run, tmp_path):
    rows = [{**row, "prompt": "x" * 10_000_000} if row["request_id"] == "r0250" else row
            for row in ROWS]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = run.ok("tune", path, *TUNE, "--json").data
    (again,) = run.ok("replay", "log.policy", "--log", path, "--json").data
    assert again == told["test"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "null", '"0.5"'])
def test_a_threshold_that_is_no_finite_number(run, tuned, sample_file, tmp_path, value):
    main = (tuned.policy / "policy.json").read_text()
    threshold = repr(tuned.study.policy.thresholds[0])
    assert threshold in main
    bad = tmp_path / "bad.policy"
    bad.mkdir()
    for path in tuned.policy.iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    (bad / "policy.json").write_text(main.replace(threshold, value))
    for command in (["inspect", bad], ["replay", bad, "--log", sample_file], ["route", bad, "hi"]):
        assert "bad.policy" in run.refused(*command)


def test_a_policy_that_is_not_there(run, sample_file):
    for command in (
        ("inspect", "none.policy", "--verify"),
        ("replay", "none.policy", "--log", sample_file),
        ("explain", "none.policy", "--log", sample_file, "--id", "req-0000"),
        ("route", "none.policy", "hi"),
    ):
        assert "none.policy: no such policy directory" in run.refused(*command)


def test_a_changed_file_of_a_policy_is_named(run, tuned, tmp_path):
    bad = tmp_path / "bad.policy"
    bad.mkdir()
    for path in tuned.policy.iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    (bad / "card.md").write_text("# better than it is\n")
    assert "card.md: its SHA-256 is not the one policy.json gives" in run.refused("inspect", bad)


def test_another_log_has_no_test_part(run, tuned, tmp_path):
    rows = [{**row, "confidence": 0.5} for row in rows_of(200, tuned.study.test.models)]
    log = save(tmp_path / "log.csv", rows)
    says = run.refused("replay", tuned.policy, "--log", log, "--split", "test")
    assert "is not the log that policy 'sample' was tuned on" in says
    assert "unknown part 'tests'" in run.refused(
        "replay", tuned.policy, "--log", log, "--split", "tests"
    )


def test_a_log_that_lacks_a_model_or_signal_of_the_policy(run, tuned, tmp_path):
    log = save(tmp_path / "log.csv", rows_of(200))
    says = run.refused("replay", tuned.policy, "--log", log, "--split", "all")
    assert "log.csv: " in says


def test_a_request_that_is_not_there(run, tuned, sample_file):
    says = run.refused("explain", tuned.policy, "--log", sample_file, "--id", "req-9999")
    assert "no request 'req-9999'; ids look like 'req-0000'" in says


def test_an_endpoint_that_is_down(run, tuned, tmp_path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        tables = "".join(
            f'[models.{name}]\n[[models.{name}.deployments]]\nbase_url = "{nobody}"\n'
            f'model = "{name}"\n'
            for name in tuned.study.policy.models_used
        )
        (tmp_path / "models.toml").write_text(tables)
        says = run.refused("route", tuned.policy, "hi", "--catalogue", "models.toml")
    assert nobody in says
    assert tuned.study.policy.models_used[-1] in says


def test_a_port_that_is_taken(run, sample_file):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        says = run.refused("replay-server", sample_file, "--port", port)
    assert f"cannot serve at 127.0.0.1:{port}" in says


def test_a_mixture_with_a_weight_outside_one_is_no_policy(run, tuned, tmp_path):
    main = json.loads((tuned.policy / "policy.json").read_text())
    fixed = {"kind": "fixed", "model": main["candidates"][0]}
    main["policy"] = {"kind": "mixture", "first": fixed, "second": fixed, "weight": 1.5}
    bad = tmp_path / "bad.policy"
    bad.mkdir()
    for path in tuned.policy.iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    (bad / "policy.json").write_text(json.dumps(main))
    assert "weight of the mixture is 1.5" in run.refused("inspect", bad)


def test_a_partial_log_gives_no_figure(run, tmp_path):
    rows = [{**row, "step": i % 2, "propensity": 1.0} for i, row in enumerate(rows_of(50))]
    path = save(tmp_path / "log.csv", rows)
    assert type(read(path)).__name__ == "PartialLog"
    says = run.refused("tune", path, *TUNE)
    assert "needs several models' answers to a request, and a partial log has one" in says


def test_the_wire_form_of_a_policy_is_what_the_file_holds(tuned):
    main = json.loads((tuned.policy / "policy.json").read_text())
    wire = to_wire(tuned.study.policy)
    assert main["policy"] == {k: list(v) if isinstance(v, tuple) else v for k, v in wire.items()}


def test_a_study_is_not_written_over_somebody_elses_files(run, tmp_path):
    log = save(tmp_path / "log.csv", rows_of())
    notes = tmp_path / "mine.study" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("do not lose me")
    says = run.refused("tune", log, "--out", tmp_path / "mine.policy", *TUNE)
    assert "notes.txt" in says
    assert notes.exists()
    assert not (tmp_path / "mine.policy").exists()


@pytest.mark.parametrize("seed", [-1, 99999999999])
def test_a_seed_out_of_range_is_named(run, tmp_path, seed):
    log = save(tmp_path / "log.csv", rows_of())
    assert f"--seed is {seed}" in run.refused("tune", log, f"--seed={seed}", *TUNE)
