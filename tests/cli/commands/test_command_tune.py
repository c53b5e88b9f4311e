"""`routelab tune` and `routelab replay`: the number shown is the number repeated."""

from __future__ import annotations

import json
from zlib import crc32

import optuna
import pytest
from cli_world import asking, left_behind, rows_of, save, without

from routelab.cli.output.study_screen import middle_cut
from routelab.policy_file import load
from routelab.tuning.search.trial_store import open_storage

REPLAY_KEYS = {
    "policy", "split", "n_requests", "n_dropped", "quality", "quality_ci", "usd_per_1k",
    "usd_per_1k_ci", "latency_p50_s", "latency_p95_s", "escalation_rate", "model_share", "aiq",
    "aiq_zero_router", "gain_vs_zero_router", "gain_ci",
}  # fmt: skip
TUNE_KEYS = {
    "verdict", "reasons", "policy_dir", "test", "baselines", "operating_points", "aiq_front",
    "optimism", "certificate", "splits", "bounds", "search", "resumed_trials", "processes",
}  # fmt: skip
PLAIN = ("--policy", "cascade")
QUICK = ("--no-tracking", "--no-report", *PLAIN, "--trials", 5, "--json")
TWENTY = (*PLAIN, "--trials", 20, "--no-tracking", "--no-report", "--out", "x.policy")


@pytest.fixture
def small(tmp_path):
    """A small log without timestamps and latencies."""
    return asking(save(tmp_path / "small.csv", rows_of(600)))


def test_tune_then_replay_gives_the_same_figures(run, few_file):
    told = run.ok("tune", few_file, "--out", "x.policy", *QUICK).data
    (again,) = run.ok("replay", "x.policy", "--log", few_file, "--split", "test", "--json").data
    assert again == told["test"]
    assert again["baselines"] == told["baselines"]


def test_every_key_is_there(run, sample_file):
    told = run.ok("tune", sample_file, "--max-usd-per-1k", 2, *QUICK).data
    assert set(told) >= TUNE_KEYS
    assert set(told["test"]) >= REPLAY_KEYS
    assert told["policy_dir"] == "sample.policy"
    assert told["certificate"] is None
    assert told["verdict"] in {"ship", "not proven", "do not route"}
    assert told["operating_points"][0]["name"] == "most-quality"
    assert set(told["splits"]["n"]) == {"train", "tune", "calibrate", "test"}


def test_the_study_lies_beside_the_policy(run, small, tmp_path):
    run.ok("tune", small, "--out", "deep/x.policy", *QUICK)
    assert {"x.policy", "x.study"} <= set(left_behind(tmp_path / "deep"))
    assert {"study.json", "trials.parquet"} <= set(left_behind(tmp_path / "deep" / "x.study"))


@pytest.mark.parametrize("split", ["train", "tune", "calibrate", "test", "all"])
def test_every_split_is_replayed(run, tuned, sample_file, split):
    (told,) = run.ok("replay", tuned.policy, "--log", sample_file, "--split", split, "--json").data
    assert set(told) >= REPLAY_KEYS
    assert told["split"] == split
    expected = len(tuned.study.log) if split == "all" else tuned.study.split.n[split]
    assert told["n_requests"] + told["n_dropped"] == expected


def test_several_policies_are_replayed_side_by_side(run, tuned_few, few_file):
    run.ok("tune", few_file, "--min-quality", 0.7, "--out", "other.policy", *QUICK)
    told = run.ok("replay", tuned_few.policy, "other.policy", "--log", few_file, "--json").data
    assert [it["policy"] for it in told] == ["few", "other"]


def test_what_was_not_observed_is_null(run, small):
    told = run.ok("tune", small, *QUICK).data
    assert told["test"]["latency_p50_s"] is None
    assert told["test"]["latency_p95_s"] is None
    (again,) = run.ok("replay", "small.policy", "--log", small, "--json").data
    assert again == told["test"]


def test_what_was_not_observed_prints_as_such(run, small):
    assert "not observed" in run.ok("tune", small, *QUICK[:-1]).out
    assert "not observed" in run.ok("replay", "small.policy", "--log", small).out
    made = " ".join(run.ok("replay", "small.policy", "--log", small, "--verbose").out.split())
    for name in ("quality", "cost", "the gain"):
        assert f"interval of {name}: percentile bootstrap by group" in made


def test_equal_costs_make_aiq_null(run, tmp_path):
    log = save(tmp_path / "log.csv", [{**row, "cost_usd": 0.001} for row in rows_of(600)])
    told = run.ok("tune", log, *QUICK).data
    assert told["aiq_front"] is None
    assert told["test"]["aiq"] is None


def test_the_table_for_people_names_every_part(run, few_file):
    told = run.ok("tune", few_file, *QUICK[:-1], "--verbose").out
    for part in ("Operating points on test", "(exported)", "Baselines on the same", "zero_router",
                 "verdict:", "policy: few.policy", "study:  few.study"):  # fmt: skip
        assert part in told


def test_the_first_screen_is_one_of_a_hundred_columns(run, few_file):
    lines = run.ok("tune", few_file, *QUICK[:-1]).out.splitlines()
    told = "\n".join(lines)
    assert lines[0].startswith("verdict: ")
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert len(lines) <= 45
    for part in ("(exported)", "best model, ", "zero router", "gain over the zero router",
                 "how it routes:", "next:", "--verbose", "policy: few.policy"):  # fmt: skip
        assert part in told
    assert "Baselines" not in told


def test_a_bound_that_is_missed_is_said_in_its_row(run, few_file):
    told = run.ok("tune", few_file, *QUICK[:-1], "--min-quality", 0.9).out
    [row] = [line for line in told.splitlines() if "(exported)" in line]
    assert row.split()[-1] in ("met", "proven", "missed")


@pytest.mark.parametrize(
    ("name", "letters", "shown"),
    [("short", 9, "short"), ("abcdefghij", 9, "abcd…ghij"), ("abcdefghij", 4, "ab…j")],
)
def test_a_long_name_keeps_both_its_ends(name, letters, shown):
    assert middle_cut(name, letters) == shown


def test_one_seed_gives_the_same_bytes(run, few_file, tmp_path):
    printed, written = [], []
    for seed in (3, 3):
        done = run.ok("tune", few_file, "--seed", seed, "--out", "x.policy", *QUICK)
        files = [*(tmp_path / "x.policy").iterdir(), *(tmp_path / "x.study").iterdir()]
        printed.append(done.out)
        written.append({path.name: path.read_bytes() for path in files})
    assert printed[0] == printed[1]
    assert written[0] == written[1]


def test_an_existing_policy_is_replaced(run, small, tmp_path):
    first = run.ok("tune", small, "--seed", 0, "--out", "x.policy", *QUICK).data
    other = ("tune", small, "--seed", 1, "--out", "x.policy", *QUICK)
    says = run.refused(*other)
    assert "x.policy: holds the policy of another study (seed was 0, and is 1)" in says
    assert "choose another --out, or --replace" in says
    assert load(tmp_path / "x.policy").digest == first["policy_digest"]
    second = run.ok(*other, "--replace").data
    assert first["policy_digest"] != second["policy_digest"] == load(tmp_path / "x.policy").digest
    assert not any(name.startswith(".") for name in left_behind(tmp_path))


def test_other_costs_prices_and_multipliers_make_another_study(run, tmp_path):
    log = save(tmp_path / "log.csv", rows_of(300))
    asked = ("--signal", "sure:1", "--out", "x.policy")
    run.ok("tune", log, *asked, *QUICK)
    dearer = ("--signal", "sure:3", "--out", "x.policy")
    told = run.refused("tune", log, *dearer, *QUICK)
    assert "the multiplier of signal sure was 1.0, and is 3.0" in told
    (tmp_path / "models.toml").write_text("[models.small]\ninput_usd_per_mtok = 1.0\n")
    told = run.refused("tune", log, *asked, "--catalogue", tmp_path / "models.toml", *QUICK)
    assert "the catalogue of its models, prices among it, was another" in told
    run.ok("tune", log, *asked, *QUICK)  # the same study, after all


def test_the_policy_of_another_log_is_replaced_only_if_asked(run, small, tmp_path):
    run.ok("tune", small, "--out", "x.policy", *QUICK)
    run.ok("tune", small, "--out", "x.policy", *QUICK)  # the same study again
    other = save(tmp_path / "other.csv", rows_of(500))
    assert "and here it is other.csv" in run.refused("tune", other, "--out", "x.policy", *QUICK)
    by_hand = json.loads((tmp_path / "x.policy" / "policy.json").read_text())
    (tmp_path / "x.policy" / "policy.json").write_text(json.dumps({**by_hand, "provenance": {}}))
    assert "no study is on record" in run.refused("tune", small, "--out", "x.policy", *QUICK)
    (tmp_path / "x.policy" / "policy.json").write_text("{")
    assert "no study is on record" in run.refused("tune", small, "--out", "x.policy", *QUICK)
    run.ok("tune", other, "--out", "x.policy", "--replace", *QUICK)


def test_a_place_that_takes_no_files_is_refused_before_the_log_is_read(run, tmp_path):
    (tmp_path / "file").write_text("")
    says = run.refused("tune", "not-even-read.csv", "--out", "file/x.policy", *QUICK)
    assert "file/x.policy: cannot be written" in says
    says = run.refused("tune", "not-even-read.csv", "--out", "nowhere/../x.policy", *QUICK)
    assert "without" in says


def test_a_directory_that_is_no_policy_is_left_alone(run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    says = run.refused("tune", "not-even-read.csv", "--out", "mine", *QUICK)
    assert "mine: exists and is no policy directory; choose another name" in says
    assert (mine / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("bounds", [(), ("--min-quality", 0.85), ("--max-usd-per-1k", 0.3)])
def test_any_verdict_exits_with_zero(run, tmp_path, bounds):
    rows = [{**row, "sure": crc32(row["prompt"].encode()) % 97 / 97} for row in rows_of(600)]
    done = run.ok("tune", save(tmp_path / "log.csv", rows), *bounds, *QUICK)
    assert done.data["verdict"] != "ship"


def test_a_log_without_signals_exports_the_best_fixed_or_mixture(run, tmp_path):
    log = save(tmp_path / "log.csv", without(rows_of(600), "sure"))
    told = run.ok("tune", log, "--max-usd-per-1k", 0.4, *QUICK).data
    assert told["operating_points"][0]["policy"]["kind"] == "mixture"
    assert any("no usable confidence signal" in reason for reason in told["reasons"])
    (again,) = run.ok("replay", "log.policy", "--log", log, "--json").data
    assert again == told["test"]


def test_signals_are_proposed_by_name_and_never_taken_unasked(run, tmp_path):
    rows = [{**row, "confidence": row["sure"], "rating": row["quality"]} for row in rows_of(600)]
    log = save(tmp_path / "log.csv", rows)
    shown = " ".join(run.ok("tune", log, *QUICK[:-1]).out.split())
    assert "no signal was asked for; proposed by its name: confidence." in shown
    assert "add --signal confidence" in shown
    asked = run.ok("tune", log, "--signal", "confidence:2", "--out", "asked.policy", *QUICK).data
    assert not any("was asked for" in reason for reason in asked["reasons"])


@pytest.mark.parametrize(
    ("name", "why"),
    [("rating", "known only after an answer was graded"), ("copied", "copies the label: ")],
)
def test_a_label_is_no_signal_unless_somebody_vouches_for_it(run, tmp_path, name, why):
    log = save(tmp_path / "log.csv", [{**row, name: 5 * row["quality"]} for row in rows_of(600)])
    says = run.refused("tune", log, "--signal", f"{name}:2", *QUICK)
    assert f"signal {name!r} is refused: " in says
    assert why in says
    assert f"--signal {name}:2:knowable" in says
    assert left_behind(tmp_path, log) == []
    run.ok("tune", log, "--signal", f"{name}:2:knowable", "--out", "x.policy", *QUICK)
    spec = load("x.policy").document.signals[name]
    assert (spec.multiplier, spec.knowable) == (2.0, True)


@pytest.mark.parametrize("storage", ["trials.log", "sqlite:///trials.db"])
def test_storage_holds_the_trials(run, small, storage):
    run.ok("tune", small, "--storage", storage, "--out", "x.policy", *QUICK)
    stored = optuna.load_study(study_name="x", storage=open_storage(storage))
    assert len(stored.trials) == 5


def test_a_second_run_says_what_it_took_up(run, small, tmp_path):
    kept = (*TWENTY, "--storage", "t.log")
    assert "resumed" not in run.ok("tune", small, *kept).out
    before = (tmp_path / "x.policy" / "policy.json").read_bytes()
    assert "trials: 20 (nsga2), 20 of them resumed" in run.ok("tune", small, *kept).out
    assert run.ok("tune", small, *kept, "--json").data["resumed_trials"] == 20
    assert run.ok("tune", small, *TWENTY, "--json").data["resumed_trials"] == 0
    assert (tmp_path / "x.policy" / "policy.json").read_bytes() == before
    says = " ".join(run.refused("tune", small, *kept, "--seed", 1, "--replace").split())
    assert "study 'x' there is another one; give another --storage or --out, or --fresh" in says
    assert "options.seed was 0, and is 1" in says
    assert (tmp_path / "x.policy" / "policy.json").read_bytes() == before
    asked = ("--seed", 1, "--fresh", "--replace", "--json")
    fresh = run.ok("tune", small, *kept, *asked).data
    assert fresh["resumed_trials"] == 0


def test_several_processes_are_said_to_change_nothing(run, small, tmp_path):
    run.ok("tune", small, *TWENTY)
    alone = (tmp_path / "x.policy" / "policy.json").read_bytes()
    told = run.ok("tune", small, *TWENTY, "--processes", 2).out
    assert "shared by 2 processes; the result is the same with any number of them" in told
    assert (tmp_path / "x.policy" / "policy.json").read_bytes() == alone


def test_storage_changes_nothing_else(run, small, tmp_path):
    plain = run.ok("tune", small, "--out", "x.policy", *QUICK).out
    stored = run.ok("tune", small, "--out", "x.policy", "--storage", "t.log", *QUICK).out
    assert plain == stored
    assert b"t.log" not in (tmp_path / "x.policy" / "policy.json").read_bytes()


@pytest.mark.parametrize(
    "storage", ["missing/folder/t.log", "nosuch://here/db", "sqlite:////no/x.db"]
)
def test_a_storage_that_cannot_be_had_is_refused(run, small, tmp_path, storage):
    says = run.refused("tune", small, "--storage", storage, *QUICK)
    assert f"--storage {storage}: cannot hold trials" in says
    assert left_behind(tmp_path, small, small.with_name("small.log.toml")) == []


@pytest.mark.parametrize("content", ["model,quality\nsmall,1\n", '{"id": 1}\n'])
def test_a_file_that_holds_something_else_is_no_storage(run, small, tmp_path, content):
    (tmp_path / "mine").write_text(content)
    assert "--storage mine: cannot hold trials" in run.refused("tune", small, "--storage", "mine")
    assert (tmp_path / "mine").read_text() == content


def test_the_signals_price_is_what_the_option_says(run, small):
    costs = [
        run.ok("tune", small, "--signal", f"sure:{m}", "--out", f"m{m}.policy", *QUICK).data
        for m in (1, 3)
    ]
    assert load("m3.policy").document.signals["sure"].multiplier == 3.0
    assert not any("extra cost" in reason for told in costs for reason in told["reasons"])
    unknown = run.ok("tune", small, *QUICK).data
    assert any(
        "`signals={'sure': SignalSpec(multiplier=3)}`" in reason for reason in unknown["reasons"]
    )
    shown = " ".join(run.ok("tune", small, *QUICK[:-1]).out.split())
    assert "--signal sure:3" in shown


def test_models_and_catalogue_are_embedded(run, sample_file):
    catalogue = sample_file.with_name("sample.models.toml")
    run.ok("tune", sample_file, "--models", "small-8b,frontier", "--catalogue", catalogue,
           "--out", "x.policy", *QUICK)  # fmt: skip
    document = load("x.policy").document
    assert document.candidates == ("small-8b", "frontier")
    assert set(document.catalogue.models) == {"small-8b", "frontier"}
    deployed = [len(model.deployments) for model in document.catalogue.models.values()]
    assert deployed == [2, 2]


@pytest.mark.filterwarnings("ignore")  # MLflow's own, where this test looks
def test_a_study_is_recorded_in_mlflow(run, small, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    done = run.ok("tune", small, "--trials", 5, *PLAIN, "--out", "x.policy", "--json")
    assert "recorded in MLflow" in done.err
    assert set(done.data) >= TUNE_KEYS
    import mlflow

    runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    verdicts = [run.data.tags.get("routelab.verdict") for run in runs]
    assert done.data["verdict"] in verdicts


def test_a_tracking_store_out_of_reach_costs_nothing(run, small, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{small}/runs.db")
    done = run.ok("tune", small, "--trials", 5, *PLAIN, "--out", "x.policy", "--json")
    assert "not recorded in MLflow" in done.err
    assert "Traceback" not in done.err
    assert load(tmp_path / "x.policy").digest == done.data["policy_digest"]


GYM = ("--models", "llama-3.3-70b-instruct,llama-4-maverick,claude-sonnet-4",
       "--min-quality-share", 0.95, "--seed", 0, "--out", "gym.policy", "--no-report",
       *PLAIN)  # fmt: skip


def test_public_traffic_charged_honestly_is_not_worth_shipping(run, real_log):
    log = real_log("reasoning_gym_easy.parquet")
    told = run.ok("tune", log, *GYM, "--signal", "confidence:3", "--no-tracking", "--json").data
    (again,) = run.ok("replay", "gym.policy", "--log", log, "--split", "test", "--json").data
    assert again == told["test"]
    assert told["verdict"] != "ship"
    low, high = told["test"]["gain_ci"]
    assert low < 0 < high
    free = run.ok("tune", log, *GYM, "--signal", "confidence:1", "--no-tracking", "--json").data
    gains = [it["test"]["gain_vs_zero_router"] for it in (told, free)]
    assert gains[1] > gains[0] + 0.01
    assert free["verdict"] == "ship"


def test_public_responses_without_a_signal_export_no_cascade(run, real_log):
    log = real_log("routellm_gsm8k_mmlu.parquet")
    told = run.ok("tune", log, *QUICK, "--out", "x.policy").data
    assert told["operating_points"][0]["policy"]["kind"] in {"fixed", "mixture"}
    assert any("no usable confidence signal" in reason for reason in told["reasons"])


def test_costs_that_a_log_lacks_come_from_the_catalogue_and_the_command_says_so(run, tmp_path):
    rows = [
        {**row, "prompt_tokens": 100, "completion_tokens": 50, "score": row["quality"]}
        for row in without(rows_of(), "cost_usd")
    ]
    bare = save(tmp_path / "bare.csv", without(rows, "quality"))
    (tmp_path / "models.toml").write_text(
        "[models.small]\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0\n"
        "[models.large]\ninput_usd_per_mtok = 10.0\noutput_usd_per_mtok = 20.0\n"
    )
    named = ("--column", "quality=score")
    assert "with a cost, got none" in run.refused("tune", bare, *named)
    priced = (*named, "--catalogue", "models.toml", "--out", "it.policy")
    found = run.ok("tune", bare, *priced, "--signal", "sure:1", *QUICK)
    assert "derived from tokens and the prices of the catalogue" in found.err
    alone = {it["name"]: it["usd_per_1k"] for it in found.data["baselines"]}
    assert alone["fixed:small"] == pytest.approx(1000 * (100 * 1 + 50 * 2) / 1e6)
    told = found.data["provenance"]["reading"]
    assert told["columns"] == {"quality": "score"}
    assert told["catalogue"]["file"] == "models.toml"
    again = run.ok("replay", "it.policy", "--log", bare, *named, "--json")
    assert again.data[0] == found.data["test"]
    assert "warning" not in again.err
    run.ok("report", "it.policy", "--out", "it.html")
    twin = (tmp_path / "it.md").read_text()
    assert "--column quality=score --catalogue models.toml" in twin.replace("\\_", "_")


def test_an_edited_policy_is_replayed_with_a_word(run, small, tmp_path):
    run.ok("tune", small, "--out", "x.policy", *QUICK)
    silent = run.ok("replay", "x.policy", "--log", small, "--json")
    assert "edited" not in silent.data[0]
    assert "edited" not in silent.err
    main = tmp_path / "x.policy" / "policy.json"
    said = json.loads(main.read_text())
    said["policy"] = {"kind": "fixed", "model": said["candidates"][-1]}
    main.write_text(json.dumps(said))
    told = run.ok("replay", "x.policy", "--log", small, "--json")
    warning = told.data[0]["edited"]
    assert warning.startswith("x.policy/policy.json: was edited after it was written")
    assert told.err.count(f"warning: {warning}\n") == 1
    assert run.ok("inspect", "x.policy", "--json").data["edited"] == warning
    table = run.ok("replay", "x.policy", "--log", small)
    assert f"warning: {warning}\n" in table.err


def test_what_a_study_asks_for_is_shown_as_flags(run, small, tmp_path):
    run.ok("tune", small, "--out", "x.policy", *PLAIN, "--trials", 5, "--no-tracking")
    shown = " ".join(run.ok("inspect", "x.policy").out.split())
    assert "where the log is read: --signal sure:3 (3 for three samples" in shown
    page = (tmp_path / "reports" / "x.md").read_text()
    assert "--signal sure:3 (3 for" in page
    assert "SignalSpec" not in page
    card = (tmp_path / "x.policy" / "card.md").read_text().replace("\\", "")
    assert "`signals={'sure': SignalSpec(multiplier=3)}`" in card
