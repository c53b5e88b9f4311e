"""What `docs/deploy` offers is read by the programs it is for, and by checks of our own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from serve_world import asking, listed, running, saved

from routelab.cli.app import app
from routelab.core import Attempt, Call, Feedback, Request, Step
from routelab.core.catalogue import catalogue_file, pointed_at
from routelab.policies import Fixed
from routelab.policy_file import load
from routelab.runtime import FinishedRequest
from routelab.runtime.attempts import failure_classes
from routelab.runtime.budgets import BudgetBalance
from routelab.runtime.journal import LogStatus
from routelab.runtime.metrics import RouterMetrics, prometheus_text
from routelab.serve import ServeConfig, read_config

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
RUNBOOK = DEPLOY.parent / "runbook.md"
OF_PROMETHEUS = {"up"}
WORD = re.compile(r"\b(?:routelab|gen_ai)_[a-z0-9_]+\b")
LABEL = re.compile(r"\{([^}]*)\}")
IMPORTANT = {
    "routelab_requests_total", "routelab_request_duration_seconds", "routelab_calls_total",
    "routelab_calls_failed_total", "routelab_calls_cost_usd_total",
    "routelab_calls_cost_unknown_total", "routelab_tenant_requests_total",
    "routelab_tenant_requests_cost_usd_total", "routelab_budget_left_usd",
    "routelab_budget_limit_usd", "routelab_breaker_open", "routelab_failures_total",
    "routelab_operator_failures_total", "routelab_escalated_total", "routelab_degraded_total",
    "routelab_judged_answers_total", "routelab_judged_quality_total", "routelab_unlike_log_total",
    "routelab_signal_missing_total", "routelab_log_dropped_total", "routelab_waiting",
    "routelab_gateway_requests_total", "routelab_gateway_refused_total",
    "routelab_gateway_reloads_total", "routelab_gateway_under_way", "routelab_gateway_policy",
    "routelab_attributed_requests_total", "routelab_attributed_cost_usd_total",
    "gen_ai_client_inference_duration_seconds",
    "gen_ai_client_inference_time_to_first_chunk_seconds",
    "gen_ai_client_inference_usage_input_tokens_total",
    "gen_ai_client_inference_usage_output_tokens_total",
}  # fmt: skip
"""What a dashboard of this service cannot be without."""


def program(name: str) -> str:
    """A program, of this environment or the machine's."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def ran(*words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=120, check=False, **more
    )


def router_metrics() -> str:
    """Everything that a router can tell, each at least once."""
    metrics = RouterMetrics()
    failed = next(name for name, it in failure_classes().items() if it.warns)
    attempts = (
        Attempt("m", "m at x", error="no", failure=failed),
        Attempt("m", "m at x", latency_s=1.0, first_token_s=0.5, prompt_tokens=3.0,
                completion_tokens=2.0, cost_usd=0.1),
    )  # fmt: skip
    call = Feedback("m", {"confidence": 0.5}, 0.1, 1.0, attempts=attempts)
    metrics.finished(
        FinishedRequest(
            request=Request(id="a", tenant="t"), policy="p", status="answered", timestamp_s=1.0,
            latency_s=1.0, cost_usd=0.1, steps=(Step(Call("m"), call),), answer=call,
        )
    )  # fmt: skip
    metrics.feedback("a", 1.0, None)
    balance = BudgetBalance("all", "total", 1.0, 0.1, 0.0, 0.9, None)
    state = metrics.snapshot().with_state(
        budgets=(balance,), breakers={"m at x": "open"}, unlike={"image": 1}, log=LogStatus()
    )
    return prometheus_text(state)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory) -> dict[str, set[str]]:
    """Labels by metric, as `/metrics` of a gateway has them that did a little of everything."""
    folder = tmp_path_factory.mktemp("metrics")
    known = pointed_at("http://127.0.0.1:9/v1", ["a"])
    policy = saved(folder / "one.policy", Fixed("a"), known)
    models = listed(folder / "models.toml", known)
    with running([policy], models, ServeConfig(reload_s=0)) as gateway:
        gateway.chat(asking("What?"))
        gateway.chat(b"[")
        saved(folder / "one.policy", Fixed("a"), pointed_at("http://127.0.0.1:8/v1", ["a"]))
        listed(folder / "models.toml", pointed_at("http://127.0.0.1:8/v1", ["a"]))
        gateway.reload()
        gateway.client.post("/v1/feedback", json={"decision": "x", "quality": 1.0})
        text = gateway.client.get("/metrics").text
    found: dict[str, set[str]] = {}
    for line in (text + router_metrics()).splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition("{")
            labels = {it.split("=")[0] for it in re.findall(r'\w+="', rest)} if rest else set()
            found.setdefault(name.split(" ")[0], set()).update(labels)
    return found


def dashboard() -> dict[str, Any]:
    return json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return group["rules"]


def expressions() -> list[str]:
    """Of the dashboard and of the alerts."""
    panels = [it for it in dashboard()["panels"] if it["type"] != "row"]
    return [one["expr"] for it in panels for one in it["targets"]] + [it["expr"] for it in rules()]


def test_every_metric_that_is_shown_exists_and_has_the_labels_that_are_asked_of_it(exposed):
    expected = {*exposed, *OF_PROMETHEUS}
    for expression in expressions():
        plain = re.sub(r'"[^"]*"', '""', expression)
        names = set(WORD.findall(plain)) - {"gen_ai_request_model", "gen_ai_operation_name"}
        assert names or "up{" in plain
        assert names <= expected, expression
        grouped = {
            it.strip() for by in re.findall(r"by \(([^)]*)\)", plain) for it in by.split(",")
        }
        of_all = set().union(*(exposed[name] for name in names)) | {"job", "instance", "le"}
        assert grouped <= of_all, expression
        for selected in LABEL.findall(plain):
            asked = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", selected))
            assert asked <= of_all | {"job"}, expression


def test_every_important_metric_is_shown(exposed):
    shown = {name for it in expressions() for name in WORD.findall(it)}
    shown |= {name.removesuffix("_bucket") for name in shown}
    assert IMPORTANT - shown == set()
    bare = {re.sub("_(bucket|sum|count)$", "", name) for name in exposed}
    assert IMPORTANT - bare - set(exposed) == set()


def test_expressions_are_promql():
    parser = pytest.importorskip("promql_parser", reason="promql-parser is not installed")
    for expression in expressions():
        parser.parse(expression.replace("$__rate_interval", "5m").replace("$job", ".*"))


def test_the_dashboard_is_whole():
    panels = dashboard()["panels"]
    assert len({it["id"] for it in panels}) == len(panels) > 20
    taken = set()
    for it in panels:
        at = it["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert at["x"] + at["w"] <= 24, it["title"]
        assert not cells & taken, it["title"]
        taken |= cells
    sources = re.findall(r'"uid": "([^"]*)"', json.dumps(panels))
    assert set(sources) == {"${datasource}"}


def test_every_alert_has_a_page_that_says_what_to_do():
    page = RUNBOOK.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    for rule in rules():
        name = rule["alert"]
        assert rule["annotations"]["runbook"] == f"runbook.md#{name.lower()}"
        assert "**Means.**" in sections[name]
        assert "**Do.**" in sections[name]
        assert rule["labels"]["severity"] in ("warning", "critical")
    written = {name for name in sections if name.startswith("Routelab")}
    assert written == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")]
)
def test_prometheus_itself_takes_the_alerts(words):
    done = ran(program("promtool"), *words, cwd=DEPLOY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_that_are_tried_are_there():
    tried = yaml.safe_load((DEPLOY / "alerts.test.yaml").read_text(encoding="utf-8"))
    names = {one["alertname"] for it in tried["tests"] for one in it["alert_rule_test"]}
    assert names <= {rule["alert"] for rule in rules()}


def test_the_containerfile_is_linted():
    done = ran(program("hadolint"), "--failure-threshold", "style", DEPLOY / "Containerfile")
    assert done.returncode == 0, done.stdout


def parsed(words: list[str]) -> Any:
    """What `routelab serve` would be told."""
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return command.make_context("serve", words).params


def test_the_containerfile_runs_a_command_that_there_is():
    text = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    told = {
        name: json.loads(found)
        for name, found in re.findall(r"^(ENTRYPOINT|CMD) (\[.*\])$", text, re.M)
    }
    program_, command, *words = [*told["ENTRYPOINT"], *told["CMD"]]
    assert (program_, command) == ("routelab", "serve")
    assert parsed(words)["host"] == "0.0.0.0"
    copied = [it for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.M)
              for it in line.split()[:-1]]  # fmt: skip
    assert copied
    for name in copied:
        assert (DEPLOY.parents[1] / name).exists(), name
    extras = tomllib.loads((DEPLOY.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    (asked,) = re.findall(r"'\.\[([\w,]+)\]'", text)
    assert set(asked.split(",")) <= set(extras["project"]["optional-dependencies"])


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    text = (DEPLOY / "routelab.service").read_text(encoding="utf-8")
    (start,) = re.findall(r"^ExecStart=(.*)$", text, re.M)
    program_, command, *words = shlex.split(start)
    assert (Path(program_).name, command) == ("routelab", "serve")
    assert parsed(words)["port"] == 8080
    analyze = program("systemd-analyze")
    unit = tmp_path / "routelab.service"
    unit.write_text(text.replace(program_, shutil.which("true") or program_), encoding="utf-8")
    done = ran(analyze, "verify", unit, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    done = ran(analyze, "security", "--offline=yes", "--threshold=20", unit)
    if "unrecognized option" not in done.stderr:
        assert done.returncode == 0, done.stdout


def manifests() -> dict[str, Any]:
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    return {it["kind"]: it for it in yaml.safe_load_all(text)}


def test_the_manifest_is_valid():
    validator = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed"
    )
    for it in manifests().values():
        validator.validate(it, validator.latest_version(), strict=True)


def test_parts_of_the_manifest_fit_each_other(tmp_path, tuned):
    found = manifests()
    spec = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    volumes = {it["name"] for it in spec["volumes"]}
    mounts = {it["name"]: it["mountPath"] for it in container["volumeMounts"]}
    assert set(mounts) == volumes
    told = parsed(container["args"])
    assert str(told["policies"][0]) == mounts["policy"]
    data = found["ConfigMap"]["data"]
    assert {f"{mounts['config']}/{name}" for name in data} == {
        str(told["catalogue"]), str(told["config"]),
    }  # fmt: skip
    for name, text in data.items():
        (tmp_path / "routelab").mkdir(exist_ok=True)
        (tmp_path / "routelab" / name).write_text(text, encoding="utf-8")
    callers = tmp_path / Path(mounts["callers"]).name
    callers.mkdir()
    (callers / "keys.toml").write_text("", encoding="utf-8")
    config = read_config(tmp_path / "routelab" / "serve.toml")
    assert config.log.startswith(mounts["state"])
    assert catalogue_file.read(tmp_path / "routelab" / "models.toml").models
    assert spec["terminationGracePeriodSeconds"] > config.drain_s + 5
    unit = (DEPLOY / "routelab.service").read_text(encoding="utf-8")
    (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert float(stop_s) > config.drain_s


def test_a_policy_mounted_as_kubernetes_does_is_loaded(tmp_path, tuned):
    """Its files are links to links: a map that changes is swapped as a whole."""
    mounted = tmp_path / "mine.policy"
    shutil.copytree(tuned.policy, mounted / "..2026_11_24")
    (mounted / "..data").symlink_to("..2026_11_24")
    for path in (mounted / "..2026_11_24").iterdir():
        (mounted / path.name).symlink_to(Path("..data") / path.name)
    assert load(mounted).digest == load(tuned.policy).digest
