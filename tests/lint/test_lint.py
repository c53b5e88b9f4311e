"""Each defect put into a clean log is found; clean logs give no alarm."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defects import DEFECTS

from routelab.collect.storage.cell_table import OUTCOMES
from routelab.core import SignalSpec
from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.lint import LintFinding, lint
from routelab.lint.checks import CHECKS
from routelab.logs import Log, PartialLog, Requests, read
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, load, write

PROJECT = Path(__file__).parents[2]
NOW_S = 1.9e9
TRUE_FINDINGS = {"reasoning_gym_easy.parquet": [("not-an-answer", 218)]}
"""What is wrong with the real logs: empty answers of deepseek-r1, graded as wrong."""


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    whole = pd.read_parquet(PROJECT / "datasets" / "sample.parquet")
    ids = list(dict.fromkeys(whole["request_id"]))[:300]
    return whole[whole["request_id"].isin(ids)].drop(columns=["verbosity"]).reset_index(drop=True)


def linted(frame: pd.DataFrame, path: Path, signals=()) -> tuple[LintFinding, ...]:
    frame.to_parquet(path)
    return lint(read(path, signals=signals), now_s=NOW_S)


def alarms(found) -> list[LintFinding]:
    return [it for it in found if it.severity != "note"]


def test_a_clean_log_gives_no_finding(clean, tmp_path):
    assert linted(clean, tmp_path / "log.parquet", ("confidence",)) == ()


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_is_found(clean, tmp_path, defect):
    found = linted(defect.put(clean.copy()), tmp_path / "log.parquet", defect.signals)
    mine = [it for it in found if it.check == defect.check]
    assert mine, found
    for it in mine:
        assert it.what
        assert it.effect
        assert it.mend
        assert not it.what.endswith(".")


def test_what_a_defect_is_not_is_not_found(clean, tmp_path):
    """Each defect brings no more than its own findings, but for those that follow from it."""
    follow = {
        "label-among-signals": {"judge-always-agrees"},
        "leaked-answer": {"judge-always-agrees", "identical-answers", "cost-mismatch"},
        "judge-always-agrees": {"label-among-signals"},
        "thinking": {"cost-mismatch"},
        "identical-answers": {"cost-mismatch"},
        "usage": {"cost-mismatch", "thinking"},
        "clock-skew": {"cost-mismatch"},
        "grader-error": {"judge-always-agrees"},
    }
    for name in ("a signal that is the label", "usage of nothing", "costs of other tokens",
                 "refusals", "duplicates across a split", "a judge that agrees"):  # fmt: skip
        defect = DEFECTS[name]
        found = linted(defect.put(clean.copy()), tmp_path / "log.parquet", defect.signals)
        told = {it.check for it in alarms(found)} - {defect.check}
        assert told <= follow.get(defect.check, set()), (name, found)


@pytest.mark.parametrize(("said", "found"), [("correct", {"judge-always-agrees"}), *(
    (it, set()) for it in OUTCOMES)])  # fmt: skip
def test_how_asking_ended_is_no_grade(clean, tmp_path, said, found):
    path = tmp_path / "log.parquet"
    clean.assign(outcome=said).to_parquet(path)
    assert {it.check for it in alarms(lint(read(path), now_s=NOW_S))} == found


def test_findings_name_rows_and_requests(clean, tmp_path):
    defect = DEFECTS["a model without a price"]
    (it,) = alarms(linted(defect.put(clean.copy()), tmp_path / "log.parquet"))
    assert it.severity == "error"
    assert it.rows == int((~clean["error"] & (clean["model"] == "small-8b")).sum())
    assert it.examples[0] in set(clean["request_id"])
    assert "small-8b" in it.what


def test_a_log_in_memory_is_looked_at_as_far_as_it_goes(clean, tmp_path):
    path = tmp_path / "log.parquet"
    DEFECTS["a model without a price"].put(clean.copy()).to_parquet(path)
    log = dataclasses.replace(read(path), path=None)
    assert {it.check for it in alarms(lint(log, now_s=NOW_S))} == {"unknown-price"}


def test_costs_are_held_against_prices(clean, tmp_path):
    path = tmp_path / "log.parquet"
    clean.to_parquet(path)
    log = read(path)
    assert lint(log, now_s=NOW_S) == ()
    model = Model(input_usd_per_mtok=50.0, output_usd_per_mtok=90.0)
    (it,) = lint(log, catalogue=Catalogue({"large": model}), now_s=NOW_S)
    assert it.check == "cost-mismatch"
    assert "large" in it.what
    assert "cheaper" in it.effect


def explored(shares, logged, n=3_000) -> PartialLog:
    """One call each, by these shares, with these propensities."""
    rng = np.random.default_rng(3)
    model = rng.choice(3, n, p=shares)
    none = np.full(n, np.nan)
    return PartialLog(
        requests=Requests(id=np.array([str(it) for it in range(n)], dtype=object)),
        models=("a", "b", "c"),
        request=np.arange(n),
        model=model,
        step=np.zeros(n, dtype=np.int64),
        propensity=np.array(logged)[model],
        quality=rng.integers(0, 2, n).astype(float),
        cost_usd=np.full(n, 0.1),
        latency_s=none,
        prompt_tokens=none,
        completion_tokens=none,
        error=np.zeros(n, dtype=np.bool_),
    )


def test_propensities_that_fail_the_mean_weight_test_are_found():
    shares = (0.5, 0.3, 0.2)
    assert lint(explored(shares, shares), now_s=NOW_S) == ()
    found = lint(explored(shares, (0.5, 0.2, 0.3)), now_s=NOW_S)
    assert [(it.check, it.severity) for it in found] == [
        ("propensity", "error"),
        ("propensity", "note"),
    ]
    assert "propensities of b" in found[0].what


def test_propensities_of_right_logs_are_hardly_ever_found():
    """The level is one in a thousand: of forty right logs none may be told."""
    for seed in range(40):
        drawn = np.random.default_rng(seed).dirichlet(np.ones(3) * 5)
        assert lint(explored(drawn, drawn, n=400), now_s=NOW_S) == ()


def saved(path: Path, policy) -> Path:
    names = ("small-8b", "frontier")
    models = {
        it: Model(deployments=(Deployment(model=it, base_url="http://model.test/v1"),))
        for it in names
    }
    document = Document(
        name=path.stem,
        policy=to_wire(policy),
        candidates=names,
        catalogue=Catalogue(models),
        signals={"confidence": SignalSpec()},
    )
    write(path, document, "# it\n")
    return path


@pytest.mark.parametrize(("threshold", "collapses"), [(0.8, False), (-9.0, True)])
def test_a_router_that_knows_one_model_is_found(clean, tmp_path, threshold, collapses):
    path = tmp_path / "log.parquet"
    clean.to_parquet(path)
    cascade = Cascade(("small-8b", "frontier"), (threshold,), "confidence")
    policy = load(saved(tmp_path / "it.policy", cascade))
    log = read(path, signals=("confidence",))
    found = lint(log, policies=[policy], now_s=NOW_S)
    assert [it.check for it in found] == ["collapsed-router"] * collapses


SMALL = ["openai_gsm8k_2021.parquet", "routellm_mtbench.parquet", "routerbench_365.parquet"]
LARGE = [
    "arrival_traces.parquet",
    "llmrouter_nine.parquet",
    "mmlu_pro.parquet",
    "reasoning_gym_easy.parquet",
    "routellm_gsm8k_mmlu.parquet",
]


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(it, marks=pytest.mark.slow) for it in LARGE)]
)
def test_real_logs_give_no_false_alarm(real_log, name):
    log = read(real_log(name), graded=not name.startswith("arrival"))
    signals = [it for it in getattr(log, "unasked", {}) if it == "confidence"]
    if signals and isinstance(log, Log):
        log = read(real_log(name), signals=signals)
    found = [(it.check, it.rows) for it in alarms(lint(log))]
    assert found == TRUE_FINDINGS.get(name, [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["routerbench_365.parquet", "reasoning_gym_easy.parquet"])
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_of_a_real_log_is_found(real_log, tmp_path, name, defect):
    """Of models that have tokens, costs and answers, which every defect needs."""
    whole = pd.read_parquet(real_log(name))
    unpriced = set(whole["model"][whole["cost_usd"].isna() & whole["response"].notna()])
    whole = whole[~whole["model"].isin(unpriced - {"x"})]
    ids = list(dict.fromkeys(whole["request_id"]))[:365]
    whole = whole[whole["request_id"].isin(ids)].reset_index(drop=True)
    before = {it.check for it in linted(whole, tmp_path / "before.parquet")}
    found = linted(defect.put(whole.copy()), tmp_path / "log.parquet", defect.signals)
    assert defect.check not in before
    assert defect.check in {it.check for it in found}


def test_every_check_has_a_defect_that_it_finds():
    checks = {it.check for it in DEFECTS.values()} | {"propensity", "collapsed-router"}
    assert len(checks) == len(CHECKS)
