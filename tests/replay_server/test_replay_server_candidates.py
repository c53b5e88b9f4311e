"""Candidates, a model with parameters each: from the log and the study to the wire and back."""

from __future__ import annotations

import asyncio
import json

import httpx
import pandas as pd
import pytest
from typer.testing import CliRunner

from routelab.cli.app import app
from routelab.core.catalogue import Catalogue, Parameters, catalogue_file
from routelab.core.signal_spec import SignalSpec
from routelab.errors import CatalogueError, RequestError
from routelab.logs import read
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, load, write
from routelab.replay_server import background, prove_parity
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.signals import as_logged

NAMES = ("gpt-x", "gpt-x@low", "gpt-x@high", "gpt-x@brief")
CATALOGUE = """
[models.gpt-x]
input_usd_per_mtok = 1.0
output_usd_per_mtok = 4.0
capabilities = ["tools", "json", "reasoning"]
deployments = [{{ base_url = "{url}", model = "gpt-x-2026", provider = "north" }}]

[models."gpt-x@low"]
base = "gpt-x"
parameters = {{ reasoning_effort = "low" }}

[models."gpt-x@high"]
base = "gpt-x"
parameters = {{ reasoning_effort = "high", max_completion_tokens = 20_000 }}

[models."gpt-x@brief"]
base = "gpt-x"
parameters = {{ reasoning_effort = "low", prompt_prefix = "Answer in one line." }}
"""


def catalogue(url: str = "http://north.example/v1") -> Catalogue:
    return catalogue_file.parse(CATALOGUE.format(url=url), "models.toml")


OLD = dict(zip(("small-8b", "medium-70b", "frontier", "large"), NAMES, strict=True))


def candidates_log(sample_file, path, requests):
    """The first requests of the embedded log, whose models are candidates of one another."""
    frame = pd.read_parquet(sample_file)
    first = frame.request_id.drop_duplicates().head(requests)
    frame = frame[frame.request_id.isin(first) & frame.model.isin(OLD)]
    cost = (frame.prompt_tokens * 1.0 + frame.completion_tokens * 4.0) / 1e6
    frame.assign(model=frame.model.map(OLD), cost_usd=cost).to_parquet(path)
    return path


@pytest.fixture
def log(sample_file, tmp_path):
    return read(candidates_log(sample_file, tmp_path / "log.parquet", 60), signals=["confidence"])


def policy_dir(tmp_path, chain, known):
    policy = Cascade(chain, (0.9,) * (len(chain) - 1), "confidence")
    document = Document(
        name="c",
        policy=to_wire(policy),
        candidates=NAMES,
        catalogue=known,
        signals={"confidence": SignalSpec(multiplier=1.0)},
    )
    return write(tmp_path / "c.policy", document, "# c\n")


@pytest.mark.parametrize(
    "chain",
    [("gpt-x", "gpt-x@high"), ("gpt-x@low", "gpt-x@brief", "gpt-x@high")],
)
def test_parity_holds_where_the_wire_has_one_model_and_parameters(chain, log, tmp_path):
    proved = prove_parity(policy_dir(tmp_path, chain, catalogue()), log)
    assert proved.different == ()
    assert proved.holds
    assert str(proved) == "parity: 60/60 decisions, cost equal"


def test_a_study_with_candidates_is_tuned_replayed_proved_and_simulated(sample_file, tmp_path):
    path = candidates_log(sample_file, tmp_path / "log.parquet", 800)
    known = tmp_path / "models.toml"
    known.write_text(CATALOGUE.format(url="http://north.example/v1"))

    def said(*words):
        done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    policy = tmp_path / "c.policy"
    options = ("--policy", "cascade", "--catalogue", known, "--out", policy)
    options += ("--trials", 20, "--no-report", "--no-tracking")
    said("tune", path, *options)
    document = load(policy).document
    assert set(document.candidates) <= set(NAMES)
    for name in document.candidates:
        assert document.catalogue.model(name) == catalogue().model(name)
    assert said("parity", policy, "--log", path)["holds"] is True
    day = said("simulate", policy, "--log", path, "--requests", "300")
    assert [it["requests"] for it in day["days"]] == [300]


def test_lost_parameters_are_found_out_by_parity(log, tmp_path, monkeypatch):
    """The server has nothing to tell candidates by but what the request carries."""
    made = policy_dir(tmp_path, ("gpt-x", "gpt-x@high"), catalogue())
    monkeypatch.setattr(Parameters, "merged", lambda _self, body: dict(body))
    assert not prove_parity(made, log).holds


def ask(url, **body):
    asked = {"model": "gpt-x-2026", **body}
    reply = httpx.post(f"{url}/chat/completions", json=asked, timeout=10)
    return reply.status_code, reply.json()


def test_the_replay_server_tells_candidates_by_their_parameters(log):
    prompt = log.texts.prompts([3])[0]
    messages = [{"role": "user", "content": prompt}]
    with background(log, catalogue=catalogue()) as url:

        def cost(**body):
            status, found = ask(url, messages=messages, **body)
            assert status == 200, found
            return found["usage"]["cost"]

        logged = {name: log.cost_usd[3, log.column(name)] for name in NAMES}
        assert len(set(logged.values())) == len(NAMES)
        assert cost() == logged["gpt-x"]
        assert cost(reasoning_effort="low") == logged["gpt-x@low"]
        high = {"reasoning_effort": "high", "max_completion_tokens": 20_000}
        assert cost(**high) == logged["gpt-x@high"]
        brief = [{"role": "system", "content": "Answer in one line."}, *messages]
        status, found = ask(url, messages=brief, reasoning_effort="low")
        assert (status, found["usage"]["cost"]) == (200, logged["gpt-x@brief"])
        status, found = ask(url, messages=messages, reasoning_effort="medium")
        assert status == 404
        assert "no candidate has the parameters asked, reasoning_effort 'medium'" in json.dumps(
            found
        )


def test_the_wire_has_the_base_and_the_decision_has_the_candidate(log, tmp_path):
    sent = []

    def endpoint(request):
        sent.append(json.loads(request.content))
        sure = 0.2 if len(sent) == 1 else 0.99
        return httpx.Response(
            200,
            json={
                "model": "gpt-x-2026",
                "choices": [{"message": {"role": "assistant", "content": "4"}}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
                "routelab": {"signals": {"confidence": sure}},
            },
        )

    made = policy_dir(tmp_path, ("gpt-x@brief", "gpt-x@high"), catalogue())
    loaded = load(tmp_path / "c.policy")
    assert loaded.document.catalogue == made.document.catalogue
    assert loaded.document.catalogue.model("gpt-x@high").parameters == Parameters(
        reasoning_effort="high", max_completion_tokens=20_000
    )
    config = RouterConfig(
        transport=httpx.MockTransport(endpoint), signals=as_logged(("confidence",))
    )

    async def routed():
        async with AsyncRouter(loaded, loaded.document.catalogue, config) as router:
            found = await router.route("2 + 2?", max_completion_tokens=500, seed=7)
            with pytest.raises(RequestError, match="reasoning_effort='medium': candidate"):
                await router.route("2 + 2?", reasoning_effort="medium")
            return found

    found = asyncio.run(routed())
    assert found.model == "gpt-x@high"
    assert [it["model"] for it in sent] == ["gpt-x-2026", "gpt-x-2026"]
    brief, high = sent
    assert brief["messages"][0] == {"role": "system", "content": "Answer in one line."}
    assert (brief["reasoning_effort"], high["reasoning_effort"]) == ("low", "high")
    assert high["max_completion_tokens"] == 500  # the smaller of the two limits
    assert (high["seed"], high["messages"][0]["role"]) == (7, "user")
    assert found.cost_usd == pytest.approx(2 * (1000 * 1.0 + 500 * 4.0) / 1e6, rel=1e-12)


def test_a_candidate_that_is_another_one_now_is_refused(tmp_path):
    made = policy_dir(tmp_path, ("gpt-x", "gpt-x@high"), catalogue())
    text = CATALOGUE.format(url="http://n/v1").replace('"high"', '"max"')
    other = catalogue_file.parse(text, "models.toml")
    with pytest.raises(CatalogueError, match="'gpt-x@high' was tuned as 'gpt-x' with") as caught:
        AsyncRouter(made, other)
    assert "reasoning_effort = max" in str(caught.value)


def test_a_candidate_moves_with_its_base(tmp_path):
    made = policy_dir(tmp_path, ("gpt-x", "gpt-x@high"), catalogue())
    newer = catalogue_file.parse(
        '[models.gpt-x]\ndeployments = [{ base_url = "http://south/v1", model = "x2" }]\n'
        "output_usd_per_mtok = 8.0\n",
        "models.toml",
    )
    known = AsyncRouter(made, newer).catalogue.model("gpt-x@high")
    assert [it.model for it in known.deployments] == ["x2"]
    assert (known.output_usd_per_mtok, known.input_usd_per_mtok) == (8.0, 1.0)
    assert known.parameters == made.document.catalogue.model("gpt-x@high").parameters


def test_a_request_that_makes_the_base_its_candidate_is_refused(tmp_path):
    made = policy_dir(tmp_path, ("gpt-x", "gpt-x@high"), catalogue())
    sent = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(500))

    async def routed():
        async with AsyncRouter(
            made, made.document.catalogue, RouterConfig(transport=transport)
        ) as router:
            with pytest.raises(RequestError, match="'gpt-x' would be asked as candidate"):
                await router.route("2 + 2?", reasoning_effort="high")

    asyncio.run(routed())
    assert not sent
