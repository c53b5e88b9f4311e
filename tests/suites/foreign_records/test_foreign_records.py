"""What the real libraries recorded of a provider on loopback: calls, bills, grades are theirs."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from records import PACKAGES, RECORDED, recorded

from routelab.logs import Log, read
from routelab.logs.importers import REGISTRY, CallImporter, ImportedCalls, import_calls

REFUSED = "REFUSE What is 1 + 1?"


class Imported(NamedTuple):
    found: ImportedCalls
    rows: list[dict[str, Any]]

    @property
    def answered(self) -> list[dict[str, Any]]:
        return [it for it in self.rows if not it.get("error")]


def imported(name: str, place: Path, out: Path, **how: Any) -> Imported:
    importer = REGISTRY.kinds[name]
    assert isinstance(importer, CallImporter)
    found = import_calls(importer, place, out / "log.parquet", **how)
    return Imported(found, pq.read_table(out / "log.parquet").to_pylist())


def about(library: str) -> dict[str, Any]:
    return json.loads((RECORDED / library / "about.json").read_text())


def charged_for(library: str, *, judging: bool = False) -> Counter[tuple[Any, ...]]:
    """Model, tokens and answer of each call that the provider counted, without those of judges."""
    calls = json.loads((RECORDED / library / "upstream.json").read_text())
    return counted(it for it in calls if judging or not re.search("grade:", it["asked"], re.I))


def counted(calls: Iterable[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(
        (
            _bare(it["model"]),
            it.get("prompt_tokens") or it.get("prompt"),
            it.get("completion_tokens") or it.get("completion"),
            it.get("cached_tokens") or it.get("cached") or 0,
            it.get("reasoning_tokens") or it.get("reasoning") or 0,
            it.get("response") or it.get("answer"),
        )
        for it in calls
    )


def _bare(model: str) -> str:
    return re.split("[/:]", model)[-1]


@pytest.mark.parametrize("form", ["gen_ai", "traceloop", "openinference"])
def test_spans_of_three_conventions_are_the_calls_that_the_provider_counted(form, tmp_path):
    it = imported("otlp", RECORDED / "opentelemetry" / f"{form}.jsonl.gz", tmp_path)

    every = charged_for("opentelemetry")
    assert {call: 3 * many for call, many in counted(it.answered).items()} == every
    assert [row["model"] for row in it.rows if row.get("error")] == ["gpt-4o-mini", "gpt-4o"]
    assert {row["served_model"] for row in it.answered} == {
        "gpt-4o-mini-2024-07-18",
        "gpt-4o-2024-08-06",
    }
    asked = [json.loads(row["messages"])[-1]["content"] for row in it.rows]
    assert asked.count(REFUSED) == 2
    assert asked.count("What is 8 + 8?") == 1  # by /v1/responses
    assert dict(it.found.skipped) == {"is a span of no call of a chat model": 11}


@pytest.mark.parametrize("form", ["gen_ai_v2", "gen_ai_1_30"])
def test_spans_of_the_former_package_hold_tokens_though_none_of_caches(form, tmp_path):
    it = imported("otlp", RECORDED / "opentelemetry_v2" / f"{form}.jsonl.gz", tmp_path)

    charged = json.loads((RECORDED / "opentelemetry_v2" / "upstream.json").read_text())
    chats = [call for call in charged if call["asked"] != "What is 8 + 8?"]  # not instrumented
    assert sum(row["prompt_tokens"] for row in it.answered) * 2 == sum(c["prompt"] for c in chats)
    assert sum(row["completion_tokens"] for row in it.answered) * 2 == sum(
        call["completion"] for call in chats
    )
    assert len(it.rows) - len(it.answered) == 2


@pytest.mark.parametrize("file", ["traces.jsonl.gz", "frame.jsonl.gz"])
def test_traces_of_mlflow_cost_what_mlflow_says(file, tmp_path):
    it = imported("mlflow", RECORDED / "mlflow" / file, tmp_path)

    assert counted(it.answered) == charged_for("mlflow")
    says = {name: bill["total_cost"] for name, bill in about("mlflow")["charged"].items() if bill}
    assert {row["request_id"]: row["cost_usd"] for row in it.answered} == says
    assert {row["task"] for row in it.rows} == {"Completions", "Responses"}
    assert sum(row["judge.fits"] == 1.0 for row in it.rows) == 2
    assert {row["human.right"] for row in it.rows} == {0.0, 1.0}
    assert it.rows[0]["human.right"] == 0.0  # what was said first, 1, was taken back
    assert not any(name.startswith("code.") for name in it.rows[0])  # that grader failed


@pytest.mark.parametrize("kind", ["payloads", "spend"])
def test_records_of_litellm_cost_what_litellm_charges(kind, tmp_path):
    it = imported("litellm", RECORDED / "litellm" / f"{kind}.jsonl.gz", tmp_path)

    charged = about("litellm")["charged"]
    own = {row["request_id"]: row["cost_usd"] for row in it.answered}
    judged = next(name for name, cost in charged.items() if cost == max(charged.values()))
    assert (judged in own) == (kind == "payloads")  # only spend logs say that it was a judge's
    assert own == {name: charged[name] for name in own}
    assert len(charged) - len(own) == (kind == "spend")
    assert {row["model"] for row in it.rows} == {"small", "large", "other"}
    assert sum("LiteLLM's cache" in reason for reason in it.found.skipped) == 1
    failed = [row["model"] for row in it.rows if row.get("error")]
    assert failed == ["large"] * (kind == "payloads")  # the proxy's own hook writes such rows


@pytest.mark.parametrize("kind", ["payloads", "spend"])
def test_tokens_of_litellm_priced_by_its_own_list_cost_the_same(kind, tmp_path):
    prices = tmp_path / "model_prices.json"
    prices.write_bytes(
        gzip.decompress((RECORDED / "litellm" / "model_prices.json.gz").read_bytes())
    )
    with gzip.open(RECORDED / "litellm" / f"{kind}.jsonl.gz", "rt") as file:
        records = [json.loads(line) for line in file]
    bare = tmp_path / "bare.jsonl"
    lines = [
        json.dumps({key: it for key, it in row.items() if key not in ("spend", "response_cost")})
        for row in records
    ]
    bare.write_text("\n".join(lines))
    importer = REGISTRY.kinds["litellm"]
    assert isinstance(importer, CallImporter)
    import_calls(importer, bare, tmp_path / "log.parquet", price_list=prices)

    log = read(tmp_path / "log.parquet", graded=False)
    charged = about("litellm")["charged"]
    priced = dict(zip(log.requests.id[log.request].tolist(), log.cost_usd, strict=True))
    both = charged.keys() & priced.keys()
    assert len(both) >= len(charged) - 1
    assert {name: priced[name] for name in both} == pytest.approx({n: charged[n] for n in both})


def test_logs_of_inspect_ai_cost_what_it_says_and_failures_are_no_zeros(tmp_path):
    it = imported("inspect-ai", RECORDED / "inspect_ai" / "logs", tmp_path)

    says = about("inspect_ai")["charged"]
    bills = Counter[str]()
    for row in it.answered:
        bills[row["model"]] += row["cost_usd"]
    assert bills == pytest.approx(says)
    assert counted(it.answered)[("gpt-4o", 80, 3, 64, 0, "8")] == 2
    assert [row["quality"] for row in it.rows if row.get("error")] == [None] * 6
    assert {row["attempt"] for row in it.rows} == {0, 1}


def test_what_a_model_of_inspect_ai_took_to_grade_itself_is_not_in_its_bill(tmp_path):
    it = imported("inspect-ai", RECORDED / "inspect_ai" / "graded", tmp_path)

    (row,) = it.rows
    assert (row["prompt_tokens"], row["completion_tokens"], row["quality"]) == (15, 3, 1.0)
    assert row["cost_usd"] == pytest.approx((15 * 2.5 + 3 * 10.0) / 1e6)
    assert about("inspect_ai")["graded"]["input_tokens"] > 100  # with what grading took
    assert list(it.found.skipped.values()) == [1]  # whose grader named no grade


def test_samples_of_lm_eval_join_two_models_by_document(tmp_path):
    imported("lm-eval", RECORDED / "lm_eval" / "out", tmp_path)

    log = read(tmp_path / "log.parquet")
    assert isinstance(log, Log)
    assert log.quality.shape == (4, 2)
    right = dict(zip(log.models, log.quality.mean(axis=0), strict=True))
    assert right == {"gpt-4o-mini": 0.75, "gpt-4o": 1.0}


def test_results_of_promptfoo_join_providers_and_cost_what_it_says(tmp_path):
    it = imported("promptfoo", RECORDED / "promptfoo" / "out.json.gz", tmp_path)

    rows = {(_bare(row["model"]), row["request_id"]): row for row in it.rows}
    assert len({name for _, name in rows}) == 6
    assert sum(row["cost_usd"] for row in it.answered) == pytest.approx(
        sum(_promptfoo_says("out.json.gz").values()) - _of_broken_grader()
    )
    graded = charged_for("promptfoo")
    assert counted(it.answered) == graded - counted(_broken())
    assert [row["quality"] for row in it.rows if row.get("error")] == [None, None]
    assert list(it.found.skipped) == ["has no grade: its grader failed"]
    assert list(it.found.skipped.values()) == [2]


def _promptfoo_says(file: str) -> dict[str, float]:
    with gzip.open(RECORDED / "promptfoo" / file, "rt") as opened:
        document = json.load(opened)
    return {it["provider"]: it["metrics"]["cost"] for it in document["results"]["prompts"]}


def _broken() -> list[dict[str, Any]]:
    calls = json.loads((RECORDED / "promptfoo" / "upstream.json").read_text())
    return [it for it in calls if it["asked"] == "What is 7 + 9?"]


def _of_broken_grader() -> float:
    per_token = {"gpt-4o-mini": (0.15e-6, 0.6e-6), "gpt-4o": (2.5e-6, 10e-6)}
    return sum(
        it["prompt"] * per_token[it["model"]][0] + it["completion"] * per_token[it["model"]][1]
        for it in _broken()
    )


def test_replies_of_promptfoo_s_cache_have_no_cost_tokens_or_latency(tmp_path):
    it = imported("promptfoo", RECORDED / "promptfoo" / "again.json.gz", tmp_path)

    assert len(it.answered) == 10
    for name in ("cost_usd", "latency_s", "prompt_tokens", "reasoning_tokens"):
        assert {row.get(name) for row in it.answered} == {None}


@pytest.mark.parametrize("library", sorted(PACKAGES))
def test_records_name_their_versions_and_nothing_of_a_machine(library):
    versions = about(library)["versions"]
    pinned = dict(re.split("==|(?<=.)@", it) for it in PACKAGES[library] if re.search("==|.@", it))
    for name, version in pinned.items():
        if (bare := name.split("[")[0].replace("lm-eval", "lm_eval")) in versions:
            assert versions[bare] == version
    for file in (RECORDED / library).rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            content = gzip.decompress(content) if file.suffix == ".gz" else content
            assert not re.search(rb"/(tmp|home|root|work|usr)/|sk-[A-Za-z0-9]{8}", content), file


@pytest.mark.records
@pytest.mark.parametrize("library", sorted(PACKAGES))
def test_libraries_record_the_same_anew(library, tmp_path, request):
    homes = Path(request.config.rootpath) / ".record-homes"
    if library == "promptfoo" and not shutil.which("npm"):
        pytest.skip("no npm is at hand")
    made = recorded(library, tmp_path, homes)

    names = {"lm_eval": "lm-eval", "inspect_ai": "inspect-ai", "opentelemetry_v2": "opentelemetry"}
    name = names.get(library, library).replace("opentelemetry", "otlp")
    for file in sorted((RECORDED / library).iterdir()):
        if file.name in ("about.json", "upstream.json", "model_prices.json.gz"):
            continue
        (tmp_path / "old").mkdir(exist_ok=True)
        old = imported(name, file, tmp_path / "old")
        new = imported(name, made / file.name, tmp_path)
        assert counted(new.answered) == counted(old.answered), file.name
        assert sum(it.get("cost_usd") or 0.0 for it in new.rows) == pytest.approx(
            sum(it.get("cost_usd") or 0.0 for it in old.rows)
        )
