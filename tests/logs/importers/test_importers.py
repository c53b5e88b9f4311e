"""Importing other projects' layouts: everything is kept, nothing is run, nothing half-written."""

from __future__ import annotations

import base64
import builtins
import contextlib
import copyreg
import csv
import io
import json
import os
import pickle
import re
import zlib
from pathlib import Path

import calls_world
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs_world import assert_equal

import routelab
from routelab.cli import main
from routelab.errors import LogError
from routelab.logs import read
from routelab.logs.importers import IMPORTERS, convert
from routelab.testing import ImporterConformance

PLAIN = ("--policy", "cascade")

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
ROUTELLM, ROUTERBENCH = IMPORTERS[-2:]
PRICES = f"model,usd_per_1m_input,usd_per_1m_output\n{WEAK},0.6,0.6\n{STRONG},10,30\n"
JUDGED = {
    1: "[Question]\nq\n\n[The Start of Assistant's Answer]\n{}\n[The End of Assistant's Answer]",
    2: "### User:\nq\n\n### Assistant A:\nfirst\n\n### User:\nq\n\n### Assistant A:\n{}\n\n"
    "<|The End of Assistant A's Conversation with User|>",
}
QUESTIONS = [
    {"question_id": 81 + q, "category": "writing", "turns": [f"Write {q}.", "Shorter."]}
    for q in range(10)
]
JUDGEMENTS = [
    {
        "question_id": it["question_id"], "model": model, "turn": turn,
        "score": 1 + (it["question_id"] + turn + (model == STRONG)) % 10,
        "user_prompt": JUDGED[turn].format(f"{model} on {it['question_id']}"),
    }
    for it in QUESTIONS for model in (STRONG, WEAK) for turn in (1, 2)
]  # fmt: skip


def rows(path: Path, head: list[str], body: list[list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *body])


def lines(path: Path, objects: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(it) + "\n" for it in objects), "utf-8")


def made_checkout(folder: Path) -> Path:
    """A checkout of RouteLLM with a little of every benchmark."""
    evals = folder / "RouteLLM" / "routellm" / "evals"
    rng = np.random.default_rng(0)
    graded = [
        [f'How many, "{i}"?\nSay, exactly.', *(bool(x) for x in rng.random(2) < (0.5, 0.9)),
         f" it is {i}", f"{i}, naïve"] for i in range(120)
    ]  # fmt: skip
    head = ["prompt", WEAK, STRONG, f"{WEAK}_response", f"{STRONG}_response"]
    rows(evals / "gsm8k" / "gsm8k_responses.csv", head, graded)
    for subject in ("anatomy", "college_physics"):
        body = [[f"{subject} {row[0]}", *row[1:3]] for row in graded]
        rows(evals / "mmlu" / "responses" / f"mmlu_{subject}.csv", head[:3], body)
    lines(evals / "mt_bench" / "question.jsonl", QUESTIONS)
    lines(evals / "mt_bench" / "judgements.jsonl", JUDGEMENTS)
    return folder / "RouteLLM"


@pytest.fixture
def checkout(tmp_path) -> Path:
    return made_checkout(tmp_path)


@pytest.fixture
def prices(tmp_path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(PRICES, "utf-8")
    return path


def imported(importer, path, out=None, **options):
    """What is read back from the log that was written."""
    out = out or path.parent / "out.parquet"
    convert(importer, path, out, **options)
    return read(out)


def refused(importer, path, **options):
    """What importing complains of; nothing may be left behind."""
    out = path.parent / "out.parquet"
    before = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    with pytest.raises(LogError) as caught:
        convert(importer, path, out, **options)
    assert before == (sorted(path.parent.iterdir()) if path.parent.is_dir() else [])
    return caught.value.problems


def test_routellm_keeps_every_grade_answer_and_turn(checkout):
    log = imported(ROUTELLM, checkout)
    assert log.models == (WEAK, STRONG)
    tasks = list(log.requests.task)
    assert {task: tasks.count(task) for task in tasks} == {
        "gsm8k": 120, "mmlu/anatomy": 120, "mmlu/college_physics": 120, "mt_bench/writing": 20,
    }  # fmt: skip
    with (checkout / "routellm/evals/gsm8k/gsm8k_responses.csv").open(newline="") as file:
        published = list(csv.DictReader(file))
    here = np.array([row for row, task in enumerate(tasks) if task == "gsm8k"])
    assert log.texts.prompts(here) == [it["prompt"] for it in published]
    for model in log.models:
        assert log.texts.responses(here, model) == [it[f"{model}_response"] for it in published]
        grades = [float(it[model] == "True") for it in published]
        assert log.quality[here, log.column(model)].tolist() == grades
    assert log.costed == ()


def test_routellm_scores_and_turns_of_mt_bench(checkout):
    log = imported(ROUTELLM, checkout / "routellm" / "evals" / "mt_bench")
    at = {name: row for row, name in enumerate(log.requests.id)}
    for it in JUDGEMENTS:
        row = at[f"mt_bench/{it['question_id']}/{it['turn']}"]
        quality = log.quality[row, log.column(it["model"])]
        assert quality == pytest.approx((it["score"] - 1) / 9)
        said = log.texts.responses(np.array([row]), it["model"])
        assert said == [f"{it['model']} on {it['question_id']}"]
    assert log.texts.prompts(np.array([at["mt_bench/83/2"]])) == ["Write 2.\n\nShorter."]
    assert len(set(log.requests.group)) == len(QUESTIONS)


def test_a_question_stays_one_group_and_other_prompts_stay_their_own(checkout):
    groups = imported(ROUTELLM, checkout).requests.group
    assert len(set(groups)) == 3 * 120 + len(QUESTIONS)


@pytest.mark.parametrize(
    ("part", "n"),
    [
        ("", 380),
        ("routellm", 380),
        ("routellm/evals", 380),
        ("routellm/evals/mmlu", 240),
        ("routellm/evals/mmlu/responses", 240),
        ("routellm/evals/mmlu/responses/mmlu_anatomy.csv", 120),
        ("routellm/evals/gsm8k", 120),
        ("routellm/evals/mt_bench/judgements.jsonl", 20),
    ],
)
def test_routellm_by_any_part_of_a_checkout(checkout, tmp_path, part, n):
    assert len(imported(ROUTELLM, checkout / part, tmp_path / "out.parquet")) == n


def test_routellm_costs_are_prices_times_estimated_tokens(checkout, prices):
    log = imported(ROUTELLM, checkout, price_list=prices)
    assert not np.isnan(log.cost_usd).any()
    for model, (asked, answered) in {WEAK: (0.6, 0.6), STRONG: (10, 30)}.items():
        k = log.column(model)
        spent = log.prompt_tokens[:, k] * asked + log.completion_tokens[:, k] * answered
        np.testing.assert_allclose(log.cost_usd[:, k], spent / 1e6, rtol=1e-12)
    short = np.array([task.startswith("mmlu/") for task in log.requests.task])
    assert (log.completion_tokens[short] == 1).all()
    assert (log.completion_tokens[~short] > 1).any()


def test_a_model_under_two_names_is_told(checkout):
    evals = checkout / "routellm" / "evals"
    path = evals / "mmlu" / "responses" / "mmlu_anatomy.csv"
    path.write_text(path.read_text("utf-8").replace(WEAK, "mixtral", 1), "utf-8")
    log = convert(ROUTELLM, checkout, checkout / "out.parquet")
    assert log.models == (WEAK, STRONG, "mixtral")
    assert f"{WEAK} has no outcome on 120 requests (mmlu)" in log.notes
    assert np.isnan(log.quality).sum() == 120 + 260


def test_an_answer_without_a_rating_is_not_observed(checkout):
    folder = checkout / "routellm" / "evals" / "mt_bench"
    lines(folder / "judgements.jsonl", [{**JUDGEMENTS[0], "score": -1}, *JUDGEMENTS[1:]])
    assert np.isnan(imported(ROUTELLM, folder).quality).sum() == 1


def test_a_blank_line_and_a_saved_index_do_no_harm(checkout):
    path = checkout / "routellm" / "evals" / "mmlu" / "responses" / "mmlu_anatomy.csv"
    before = imported(ROUTELLM, path)
    frame = pd.read_csv(path).reset_index(names="Unnamed: 0")
    path.write_text(frame.to_csv(index=False).replace("\n", "\n\n", 1), "utf-8")
    assert_equal(imported(ROUTELLM, path), before)


def test_every_problem_of_every_file_is_named_at_once(checkout, tmp_path):
    evals = checkout / "routellm" / "evals"
    rows(evals / "gsm8k" / "gsm8k_responses.csv", ["prompt", WEAK], [["a", "True"], ["b", "maybe"]])
    rows(evals / "mmlu" / "responses" / "mmlu_anatomy.csv", ["question", "x"], [["a", "True"]])
    bad = [{**JUDGEMENTS[0], "score": 11}, {**JUDGEMENTS[1], "question_id": 7}, JUDGEMENTS[2]]
    lines(evals / "mt_bench" / "judgements.jsonl", [*bad, JUDGEMENTS[2]])
    (tmp_path / "prices.csv").write_text("model\nx\n", "utf-8")
    told = "\n".join(refused(ROUTELLM, checkout, price_list=tmp_path / "prices.csv"))
    for part in (
        f"gsm8k_responses.csv: row 2: {WEAK} is 'maybe'; True or False",
        "mmlu_anatomy.csv: no column 'prompt'; the columns are question, x",
        "judgements.jsonl: judgement 1: score is 11; a number from 1 to 10",
        "judgements.jsonl: judgement 2: question 7, turn 2",
        "judgements.jsonl: judgement 4: question 81",
        "prices.csv: ",
    ):
        assert part in told


def test_what_is_no_checkout_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (told,) = refused(ROUTELLM, tmp_path / "empty")
    assert "routellm/evals" in told
    (told,) = refused(ROUTELLM, tmp_path / "nowhere")
    assert "no such file" in told


def test_mt_bench_without_its_questions_is_refused(checkout):
    folder = checkout / "routellm" / "evals" / "mt_bench"
    (folder / "question.jsonl").unlink()
    (told,) = refused(ROUTELLM, folder)
    assert told.startswith("question.jsonl: is not beside judgements.jsonl")


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("log.csv", "end the name in .parquet"),
        ("nowhere/log.parquet", "there is no directory"),
        ("folder.parquet", "is a directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(checkout, tmp_path, out, told):
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(LogError, match=told):
        convert(ROUTELLM, checkout, tmp_path / out)


def test_a_log_never_replaces_what_it_is_made_of(tmp_path):
    path = tmp_path / "rb.parquet"
    table().to_parquet(path)
    held = path.read_bytes()
    with pytest.raises(LogError, match="is what is imported"):
        convert(ROUTERBENCH, path, path)
    assert path.read_bytes() == held


def test_a_failed_import_leaves_the_old_log(checkout, tmp_path):
    out = tmp_path / "out.parquet"
    convert(ROUTELLM, checkout, out)
    held = out.read_bytes()
    (checkout / "routellm" / "evals" / "mt_bench" / "question.jsonl").unlink()
    with pytest.raises(LogError):
        convert(ROUTELLM, checkout, out)
    assert out.read_bytes() == held
    assert not list(tmp_path.glob(".out*"))


# RouterBench


def table(n: int = 60, models: tuple[str, ...] = ("org/small", "large", "claude-v1")):
    """RouterBench's table, made up."""
    rng = np.random.default_rng(1)
    frame = {
        "sample_id": [f"eval.dev.{i}" for i in range(n)],
        "prompt": [f"['question {i}, it\\'s\\n{i % 7}']" for i in range(n)],
        "eval_name": [f"eval-{i % 3}" for i in range(n)],
    }
    for rank, model in enumerate(models):
        frame[model] = (rng.random(n) < 0.4 + 0.2 * rank).astype(float)
    for model in models:
        frame[f"{model}|model_response"] = [f"{model} said\n{i}" for i in range(n)]
    for rank, model in enumerate(models):
        frame[f"{model}|total_cost"] = rng.uniform(0.5, 1.5, n) * 1e-4 * 5**rank
    frame["oracle_model_to_route_to"] = ["no_model_correct"] * n
    return pd.DataFrame(frame)


def pickled(path: Path, made: object, protocol: int = 5) -> Path:
    path.write_bytes(pickle.dumps(made, protocol=protocol))
    return path


def test_routerbench_keeps_scores_costs_and_texts(tmp_path):
    frame = table()
    log = imported(ROUTERBENCH, pickled(tmp_path / "rb.pkl", frame))
    assert log.models == ("org/small", "large", "claude-v1")
    assert log.requests.id.tolist() == frame["sample_id"].tolist()
    assert log.requests.task.tolist() == frame["eval_name"].tolist()
    every = np.arange(len(frame))
    assert log.texts.prompts(every) == [f"question {i}, it's\n{i % 7}" for i in every]
    for k, model in enumerate(log.models):
        np.testing.assert_array_equal(log.quality[:, k], frame[model])
        np.testing.assert_array_equal(log.cost_usd[:, k], frame[f"{model}|total_cost"])
        assert log.texts.responses(every, model) == frame[f"{model}|model_response"].tolist()


def test_routerbench_is_the_same_as_pickle_csv_and_parquet(tmp_path):
    frame = table()
    frame["large"] = frame["large"] == 1
    frame.to_csv(tmp_path / "rb.csv")
    frame.to_parquet(tmp_path / "rb.parquet")
    one = imported(ROUTERBENCH, pickled(tmp_path / "rb.pkl", frame))
    assert_equal(imported(ROUTERBENCH, tmp_path / "rb.csv"), one)
    assert_equal(imported(ROUTERBENCH, tmp_path / "rb.parquet"), one)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.none() | TEXT, min_size=4, max_size=12),
    scores=st.lists(st.none() | st.floats(0, 1), min_size=12, max_size=12),
    kind=st.sampled_from(["str", "object", "string[python]", "string[pyarrow]"]),
    protocol=st.integers(0, 5),
    shape=st.sampled_from(["as made", "copied", "reversed", "some rows", "objects"]),
)
def test_a_pickled_table_reads_as_pandas_would(
    tmp_path_factory, texts, scores, kind, protocol, shape
):
    frame = table(len(texts))
    frame["large"] = scores[: len(texts)]
    frame["claude-v1"] = frame["claude-v1"].astype(bool)
    frame["large|model_response"] = pd.Series(texts, dtype=kind)
    frame = {
        "as made": lambda: frame,
        "copied": frame.copy,
        "reversed": lambda: frame.iloc[::-1],
        "some rows": lambda: frame[frame.index % 3 != 1],
        "objects": lambda: frame.astype(object),
    }[shape]()
    path = pickled(tmp_path_factory.mktemp("rb") / "rb.pkl", frame, protocol)
    log = imported(ROUTERBENCH, path)
    every = np.arange(len(frame))
    assert log.requests.id.tolist() == frame["sample_id"].tolist()
    np.testing.assert_array_equal(log.quality[:, 1], frame["large"].astype(float))
    np.testing.assert_array_equal(log.quality[:, 2], frame["claude-v1"].astype(float))
    said = [None if pd.isna(it) else it for it in frame["large|model_response"]]
    assert log.texts.responses(every, "large") == said


PANDAS_1_5 = (
    "c-nPT%T5$Q6rG+IuZfNX5f&=D84c+OY+Mi~0x{7JqaiUa2x+T(YNlHHmFj993HVs>N@_>RKllOe{0hIoL_a_h7sQ",
    "z0t?C|Z#<3TDZ&%;Cb?!O$*1OV&%~DQ1{6>iU7K(H`pjdBH<YB>wmJvgbm471cy%&3;&Wonkp@QGZhC4pP)JJZld",
    "&ox}Oe4W7i*8_VtR&yCz0SweEvD;O(ce9SUpHevbnFcmo0i-J(R|d8y>KT<4=$#TE%=Dprh#Y0?RJv#^i{6k^P`d",
    "2uZ^qUU3>oajC?!#bpCxIu|F4_+b>qC@x{XLk7r+2tmloyzH0n>^ZGM8Aq~Mx3J=&8+X*EdJl}pOj*kw-s;C<UuF",
    "Z>Pv-$J_9`!PEOjt(IC>#i`EeQr;<XZi7Duq}`Z85b2sU1wMAfr6*WDX$X{nGCXGAUCVc^O7V_{|J$UhFalQHlU|",
    "#iZB{{D{%mW`Lel`2dKaex3*;w=b47OC)D$Mp?p^2%cRjakr<$24FZ|2W1OLpAo!Z>9g>*^*O-@)@p%|YwIBHT8(",
    "W5wdtvv2cYCii4lsSyR>aV=D7yw@_qmtcW@+{Tzdq678Pl{<RaRE$Wr7X*A=|#2c{RauxmnrP!JOsAV^*x^t6DM+",
    "I(u$F3*)yJ9NqOU8CH~qD)x0Or$9$teK1!bA7bX6lW?AAGBfzxc4Io-F0l)FUGJjVrYjw$4vYOZy|#(lbO7PB$aF",
    "$CZqrpSEsRsw{fIfC<5+=O&@QWPvn}^z0FHqUrlohCR~s@xi5QwOm{n=0w1$V+o1?~Axx&z61*J3_=OBE2E2(})0",
    "Y<mStd(-ObN7`XhU%nLaV{qV@kh&ma9oL3mB40Mv$<YL}r&J0*Y)nIN8ktlLj%v;0Ru9yQl*#;w$}mQ2}Yj2a+Me",
    "C;O2>kuN)GcvadA17xoW8Zkr}OaU)OEC>bkIye{{P36S$1s5MoK9nvQ>)wy1hZ#~7%DzU7!Ogb^Jed-pa&JMU!B%",
    "9p;t(1EK>;qZFx+}aQEcgd01$8YhX",
)
"""Three rows, as pandas 1.5.3 with NumPy 1.26 pickles them; pandas 2.2.3 writes the same."""


def test_a_table_of_an_older_pandas_is_read(tmp_path):
    path = tmp_path / "rb.pkl"
    path.write_bytes(zlib.decompress(base64.b85decode("".join(PANDAS_1_5))))
    log = imported(ROUTERBENCH, path)
    assert log.models == ("small", "large")
    np.testing.assert_array_equal(log.quality, [[0, 1], [1, 1], [0.5, np.nan]])
    np.testing.assert_array_equal(log.cost_usd, [[1e-5, 1e-3], [2e-5, 2e-3], [3e-5, 3e-3]])
    assert log.texts.prompts(np.arange(3)) == ["one", "two\n\nmore", "three"]
    assert log.texts.responses(np.arange(3), "small") == ["no", "yes", None]


class Old(pickle.Pickler):
    """Tells the parts of a table afterwards, as pandas before 1.3 did."""

    def reducer_override(self, made):
        if type(made).__name__ != "BlockManager":
            return NotImplemented
        blocks = [{"values": it.values, "mgr_locs": it.mgr_locs.indexer} for it in made.blocks]
        state = ([], [], [], {"0.14.1": {"axes": made.axes, "blocks": blocks}})
        return copyreg.__newobj__, (type(made),), state


def test_a_table_of_pandas_before_1_3_is_read(tmp_path):
    held = io.BytesIO()
    Old(held, protocol=4).dump(table().astype(object))
    (tmp_path / "old.pkl").write_bytes(held.getvalue())
    assert b"_unpickle_block" not in held.getvalue()
    new = imported(ROUTERBENCH, pickled(tmp_path / "new.pkl", table()))
    assert_equal(imported(ROUTERBENCH, tmp_path / "old.pkl"), new)


class Reduced:
    """Asks, when it is unpickled, for a function to be called."""

    def __init__(self, function, *args):
        self.parts = function, args

    def __reduce__(self):
        return self.parts


def evil(kind: str, marker: Path) -> object:
    """What would make the marker, by one way or another."""
    call = Reduced(os.mkdir, str(marker))
    code = f"__import__('os').mkdir({str(marker)!r})"
    frame = table(5)
    if kind == "in a cell":
        frame["large"] = pd.Series([call, 1.0, 1.0, 0.0, 0.0], dtype=object)
    elif kind == "in the attributes":
        frame.attrs["note"] = [call]
    return {
        "system": Reduced(os.system, f"mkdir '{marker}'"),
        "eval": Reduced(builtins.eval, code),
        "exec": Reduced(builtins.exec, code),
        "nested": Reduced(tuple, [Reduced(getattr, call, "__class__")]),
        "in an array": np.array([call, None], dtype=object),
        "alone": call,
    }.get(kind, frame)


EVILS = [
    "system",
    "eval",
    "exec",
    "nested",
    "in an array",
    "alone",
    "in a cell",
    "in the attributes",
]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("kind", EVILS)
def test_a_malicious_pickle_is_refused_and_nothing_of_it_runs(tmp_path, kind, protocol):
    marker = tmp_path / "run"
    path = pickled(tmp_path / "rb.pkl", evil(kind, marker), protocol)
    problems = refused(ROUTERBENCH, path)
    assert not marker.exists()
    assert all(it.startswith("rb.pkl: the pickle names ") for it in problems)
    assert any(name in problems[0] for name in ("posix.", "nt.", "builtins.", "__builtin__."))
    pickle.loads(path.read_bytes())
    assert marker.exists(), "the pickle would have done it"


def test_every_name_that_is_refused_is_told(tmp_path):
    made = [Reduced(os.system, "true"), Reduced(builtins.eval, "1"), Reduced(os.getcwd)]
    told = "\n".join(refused(ROUTERBENCH, pickled(tmp_path / "rb.pkl", made)))
    for name in (f"{os.name}.system", "builtins.eval", f"{os.name}.getcwd"):
        assert f"names {name}, which" in told
    assert "CSV or Parquet" in told


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x04\x8c\x06pandas\x8c\x12DataFrame.__init__\x93.",  # a path through an allowed name
        b"cnumpy\nload\n.",
        b"cpandas\nread_pickle\n(Vx\ntR.",
        b"cbuiltins\ngetattr\n(cpandas\nDataFrame\nVeval\ntR.",
        b"Pnumber one\n.",
        b"\x80\x02\x82\x01.",
        b"",
        b"no pickle at all",
        b"\x80\x04G\x00",  # half a number
        b"S'\\d'\n.",  # a text with an escape that there is not
        b"\x1f\x8b\x08\x00 a compressed one",
        b"\x80\x05N.",
        b"\x80\x05]\x94.",
        b"cpandas\nDataFrame\n.",
        b"cpandas\nDataFrame\n)R.",
        b"cpandas\nDataFrame\n)R}V_mgr\ncpandas.core.internals.managers\nBlockManager\n)Rsb.",
        b"cbuiltins\nbytearray\n(I99999999999\ntR.",
        b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"x.",  # says it holds a terabyte
        b"\x80\x02]r\xff\xff\xff\xff.",  # takes four billion places
        b"(" * 1_000 + b"t" * 1_000 + b".",
    ],
)
def test_a_pickle_that_is_no_table_is_refused(tmp_path, code):
    path = tmp_path / "rb.pkl"
    path.write_bytes(code)
    for problem in refused(ROUTERBENCH, path):
        assert problem.startswith("rb.pkl: ")


SMALL = {
    kind: pickle.dumps(table(3).astype(object if kind == "objects" else table(3).dtypes))
    for kind in ("objects", "texts")
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(sorted(SMALL)),
    at=st.floats(0, 1, exclude_max=True),
    put=st.binary(max_size=3),
    cut=st.integers(0, 4),
)
def test_a_damaged_pickle_is_a_table_or_an_error(tmp_path_factory, kind, at, put, cut):
    held = SMALL[kind]
    where = int(at * len(held))
    path = tmp_path_factory.mktemp("rb", numbered=True) / "rb.pkl"
    path.write_bytes(held[:where] + put + held[where + cut :])
    with contextlib.suppress(LogError):
        imported(ROUTERBENCH, path)


def test_a_sample_that_is_there_twice_counts_once(tmp_path):
    frame = table(10)
    twice = pd.concat([frame, frame.iloc[[3, 4]]], ignore_index=True)
    log = convert(ROUTERBENCH, pickled(tmp_path / "rb.pkl", twice), tmp_path / "two.parquet")
    assert any(note.startswith("2 rows repeat a sample_id") for note in log.notes)
    once = imported(ROUTERBENCH, pickled(tmp_path / "rb.pkl", frame))
    assert_equal(read(tmp_path / "two.parquet"), once)


@pytest.mark.parametrize("suffix", [".pkl", ".csv", ".parquet"])
def test_a_table_of_another_layout_is_refused(tmp_path, suffix):
    frame = table(5).drop(columns=["eval_name", "large", "claude-v1|total_cost"])
    path = tmp_path / f"rb{suffix}"
    getattr(frame, {".pkl": "to_pickle", ".csv": "to_csv", ".parquet": "to_parquet"}[suffix])(path)
    assert refused(ROUTERBENCH, path) == (
        f"{path.name}: no column 'eval_name'",
        f"{path.name}: no column 'large'",
        f"{path.name}: no column 'claude-v1|total_cost'",
    )
    frame[["sample_id", "prompt"]].to_csv(tmp_path / "none.csv")
    told, *_ = refused(ROUTERBENCH, tmp_path / "none.csv")
    assert "routerbench_0shot.pkl" in told


def test_values_that_cannot_be_are_named_by_sample_and_model(tmp_path):
    frame = table(5)
    frame.loc[2, "large"] = 7.0
    frame.loc[3, "org/small|total_cost"] = -1.0
    told = "\n".join(refused(ROUTERBENCH, pickled(tmp_path / "rb.pkl", frame)))
    assert "request 'eval.dev.2', model 'large'): quality is 7.0" in told
    assert "request 'eval.dev.3', model 'org/small'): cost_usd is -1.0" in told


@pytest.mark.parametrize("name", ["rb.xlsx", "rb.feather"])
def test_other_formats_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    (told,) = refused(ROUTERBENCH, tmp_path / name)
    assert ".pkl, .pickle, .csv, .parquet" in told
    (tmp_path / "folder").mkdir()
    (told,) = refused(ROUTERBENCH, tmp_path / "folder")
    assert "routerbench_0shot.pkl" in told


@given(
    parts=st.lists(TEXT, min_size=1, max_size=3),
    plain=TEXT | st.sampled_from(["[1]", "['a'", "[']", "['']['']", r"['\d', x]", "['a'], ['b']"]),
)
@settings(max_examples=100, deadline=None)
def test_texts_published_as_lists_become_texts_and_others_stay(tmp_path_factory, parts, plain):
    frame = table(4)
    frame["prompt"] = [repr(parts), plain, "x", "y"]
    log = imported(ROUTERBENCH, pickled(tmp_path_factory.mktemp("rb") / "rb.pkl", frame))
    assert log.texts.prompts(np.arange(2)) == ["\n\n".join(parts), plain]


# The registry and the command


SOURCE = Path(routelab.__file__).parent


def test_only_one_file_knows_pickle():
    known = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (pickle|marshal|shelve|joblib|dill)", path.read_text("utf-8"), re.M
        )
    }
    assert known == {"logs/importers/published/routerbench.py"}


class TestEveryImporter(ImporterConformance):
    importers = IMPORTERS

    def published(self, importer, folder):
        made = {
            "routellm": made_checkout,
            "routerbench": lambda folder: pickled(folder / "rb.pkl", table()),
        }
        if importer.name in made:
            return made[importer.name](folder)
        return calls_world.recorded(importer.name, folder)


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda it: it.name)
def test_the_command_of_every_importer_refuses_what_is_not_its_layout(
    importer, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("a.csv", "a.jsonl", "a.parquet", "a.pkl", "a.txt"):
        (tmp_path / name).write_bytes(b"\xff,\n1")
    before = sorted(tmp_path.iterdir())
    for path in [tmp_path / "nowhere", *before]:
        status, out, err = run(capsys, "import", importer.name, path)
        assert (status, out) == (2, "")
        assert path.name in err
    assert sorted(tmp_path.iterdir()) == before
    status, out, _ = run(capsys, "import", importer.name, "--help")
    assert status == 0
    assert f"routelab import {importer.name} {importer.example}" in " ".join(out.split())


def run(capsys, *arguments) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(it) for it in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_an_imported_routellm_checkout_tunes(checkout, prices, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(
        capsys, "import", "routellm", checkout, "--prices", prices, "--out", "r.parquet", "--json"
    )
    assert status == 0, err
    told = json.loads(out)
    assert told["requests"] == 380
    assert told["models"][STRONG]["usd_per_1k"] > told["models"][WEAK]["usd_per_1k"]
    assert any("tokens are estimated" in note for note in told["notes"])
    status, out, err = run(
        capsys, "tune", "r.parquet", "--trials", 5, *PLAIN, "--no-tracking", "--no-report", "--json"
    )
    assert status == 0, err
    assert {it["name"] for it in json.loads(out)["baselines"]} >= {f"fixed:{STRONG}", "task_mean"}


def test_an_imported_routerbench_table_tunes(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickled(tmp_path / "rb.pkl", table(240))
    status, out, err = run(capsys, "import", "routerbench", "rb.pkl")
    assert status == 0, err
    assert "routerbench.parquet" in out
    status, out, err = run(
        capsys,
        "tune",
        "routerbench.parquet",
        "--trials",
        5,
        "--policy",
        "cascade",
        "--no-tracking",
        "--no-report",
        "--json",
    )
    assert status == 0, err
    assert json.loads(out)["test"]["n_requests"] > 0


def test_a_refused_import_says_why_and_prints_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickled(tmp_path / "rb.pkl", Reduced(os.getcwd))
    status, out, err = run(capsys, "import", "routerbench", "rb.pkl", "--json")
    assert (status, out) == (2, "")
    assert err.startswith("error: rb.pkl: the pickle names ")
    assert [it.name for it in tmp_path.iterdir()] == ["rb.pkl"]


# Real data, laid out again as it was published


def test_routellm_responses_come_back_as_they_were(real_log, tmp_path):
    known = read(real_log("routellm_gsm8k_mmlu.parquet"))
    frame = pd.DataFrame({"prompt": known.texts.prompts(np.arange(len(known)))})
    for k, model in enumerate(known.models):
        frame[model] = known.quality[:, k] == 1
    subjects = pd.Series(known.requests.task).str.replace("mmlu/", "mmlu_")
    evals = tmp_path / "evals"
    (evals / "mmlu" / "responses").mkdir(parents=True)
    (evals / "gsm8k").mkdir()
    for task, part in frame.groupby(subjects.to_numpy()):
        name = "gsm8k/gsm8k_responses" if task == "gsm8k" else f"mmlu/responses/{task}"
        part.to_csv(evals / f"{name}.csv", index=False)
    log = imported(ROUTELLM, evals)
    assert len(log) == len(known)
    for task in set(known.requests.task):
        here, there = log.requests.task == task, known.requests.task == task
        np.testing.assert_array_equal(log.quality[here], known.quality[there])
        assert log.prompt_keys[0][here].tolist() == known.prompt_keys[0][there].tolist()


def test_routerbench_sample_comes_back_as_it_was(real_log, tmp_path):
    known = read(real_log("routerbench_365.parquet"))
    every = np.arange(len(known))
    frame = pd.DataFrame(
        {
            "sample_id": known.requests.id,
            "prompt": known.texts.prompts(every),
            "eval_name": known.requests.task,
        }
    )
    for k, model in enumerate(known.models):
        frame[model] = known.quality[:, k]
        frame[f"{model}|model_response"] = known.texts.responses(every, model)
        frame[f"{model}|total_cost"] = known.cost_usd[:, k]
    log = imported(ROUTERBENCH, pickled(tmp_path / "rb.pkl", frame))
    assert log.models == known.models
    np.testing.assert_array_equal(log.quality, known.quality)
    np.testing.assert_array_equal(log.cost_usd, known.cost_usd)


def hostile_pickle(*body: bytes) -> bytes:
    return b"\x80\x04" + b"".join(body) + b"."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (hostile_pickle(pickle.EXT1, b"\x01"), "by a number"),
        (hostile_pickle(pickle.EXT4, b"\x01\x00\x00\x00"), "by a number"),
        (hostile_pickle(pickle.EMPTY_SET), "holds a set"),
        (hostile_pickle(pickle.EMPTY_DICT, b"K\x01K\x02", pickle.SETITEM), "no text"),
        (
            hostile_pickle(
                pickle.EMPTY_DICT,
                pickle.MARK,
                *(pickle.dumps(it * (2**61 - 1), 2)[2:-1] + b"N" for it in range(1, 20)),
                pickle.SETITEMS,
            ),
            "no text",
        ),
        (hostile_pickle(b"]" * 100_000, b"a" * 99_999), "holds no table"),
    ],
)
def test_what_a_pickle_of_a_table_never_does_is_refused(tmp_path, content, why):
    path = tmp_path / "routerbench_0shot.pkl"
    path.write_bytes(content)
    with pytest.raises(LogError, match=why):
        convert(ROUTERBENCH, path, tmp_path / "log.parquet")


def test_an_extension_that_is_in_use_is_not_looked_up(tmp_path):
    """The machine answers numbers from a table of the process, and not by `find_class`."""
    copyreg.add_extension("builtins", "print", 0x7E)
    try:
        path = tmp_path / "routerbench_0shot.pkl"
        path.write_bytes(hostile_pickle(pickle.EXT1, b"\x7e", b"X\x02\x00\x00\x00hi\x85R"))
        with pytest.raises(LogError, match="by a number"):
            convert(ROUTERBENCH, path, tmp_path / "log.parquet")
    finally:
        copyreg.remove_extension("builtins", "print", 0x7E)
