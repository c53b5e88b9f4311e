"""The models that can be called, and what a catalogue file may say of them."""

from __future__ import annotations

import math
import re
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.catalogue_file import parse
from routelab.errors import CatalogueError
from routelab.runtime.engine.balancing import BALANCERS

GOOD = """
[models.small]
input_usd_per_mtok = 0.5
output_usd_per_mtok = 2
capabilities = ["json"]
deployments = [{ base_url = "http://127.0.0.1:1/v1", model = "s", provider = "north" }]

[models.large]
context_window = 8192
cost_reported = true
"""

BAD = {
    "models = [": "not valid TOML",
    "": "no models",
    "[models.a]\nprice = 3": "price",
    "[models.a]\ninput_usd_per_mtok = 'cheap'": "input_usd_per_mtok",
    "[models.a]\noutput_usd_per_mtok = -1.0": "output_usd_per_mtok is -1.0",
    "[models.a]\ninput_usd_per_mtok = nan": "input_usd_per_mtok is nan",
    "[models.a]\ncontext_window = 0": "context_window is 0",
    "[models.a]\ncached_input_usd_per_mtok = -1": "cached_input_usd_per_mtok is -1",
    "[models.a]\nusd_per_request = inf": "usd_per_request is inf",
    "[models.a]\ncapabilities = ['tool']": "has 'tool'; write 'tools'",
    "[models.a]\nfallbacks = ['b']": "models.a: falls back on 'b', which is not listed",
    "[models.a]\nfallbacks = ['a']": "falls back on itself",
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm', weight = 0}]": "sum to zero",
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm', weight = -1}]": "weight is -1",
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm', max_concurrency = 0}]": (
        "deployment 1: max_concurrency is 0"
    ),
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm',"
    " timeouts = {total_s = inf}}]": "timeouts.total_s is inf",
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm', timeouts = {read = 1}}]": (
        "deployment 1: timeouts: no field 'read'"
    ),
    "[models.gpt-4.1]\ncontext_window = 1": "a name with a dot is written in quotes:"
    ' [models."gpt-4.1"]',
    "[models.x-3.5.mini]\nprice = 1": 'models."x-3.5.mini"',
    "[models.a]\n[engine]\nqueues = 3": "engine: no field 'queues'; there is balancing",
    "[models.a]\n[engine.retry]\nmost = -1": "engine: retry.most is -1",
    "[models.a]\n[engine.breaker]\nfailure_rate = 2.0": "breaker.failure_rate is 2.0",
    "[models.a]\n[engine.breaker]\nmin_calls = 200": "it would never open",
    "[models.a]\ndeployments = [{base_url = 'ftp://x', model = 'm'}]": (
        "models.a: deployment 1: base_url 'ftp://x' must start with http:// or https://"
    ),
    "[models.a]\ndeployments = [{base_url = 'http://x:y/v1', model = 'm'}]": (
        "models.a: deployment 1: base_url 'http://x:y/v1' is no address; write it as https://"
    ),
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm'},"
    " {base_url = 'http://x/', model = 'm'}]": (
        "models.a: deployment 2: 'm' at http://x/ is listed twice with the same key; leave one out"
    ),
}

SECRETS = {
    "base_url = 'ftp://me:se/same@x', model = 'm'": "must start with http",
    "base_url = 'me:se/same@x', model = 'm'": "must start with http",
    "base_url = 'http://me:se/same@x', model = 'm'": "is no address",
    "base_url = 'http://u:sesame@x', model = 'm'}, {base_url = 'http://u:sesame@x', model = 'm'": (
        "listed twice"
    ),
    "base_url = 'http://x', model = 'm', api_key = 'sesame'": "no field 'api_key'",
    "base_url = 'http://x', model = 'm', api_key_env = 'sk-sesame'": "name of an environment",
    "base_url = 'http://x', model = 'm', api_key_env = 'sesame0123456789abcdef'": "such as NORTH",
    "base_url = ['http://u:sesame@x'], model = 'm'": "base_url is a list; write text in quotes",
    "base_url = 'http://x', model = 'm', api_key_env = ['sesame']": "api_key_env is a list",
    "base_url = 'http://x', model = 'm', timeouts = 'sesame'": "timeouts: it is text; write",
}
"""Deployments with a secret, right or wrong, and a mistake."""


def test_a_catalogue_is_read_as_written():
    catalogue = parse(GOOD, "models.toml")
    small, large = catalogue.model("small"), catalogue.model("large")
    assert small.deployments[0].provider == "north"
    assert small.cost_usd(1_000_000, 500_000) == 1.5
    assert large.cost_reported
    assert math.isnan(large.cost_usd(10, 10))


@pytest.mark.parametrize("text", BAD, ids=list(BAD.values()))
def test_a_bad_catalogue_is_refused_with_its_file_and_place(text):
    with pytest.raises(CatalogueError) as caught:
        parse(text, "prices.toml")
    assert str(caught.value).startswith("prices.toml")
    assert BAD[text] in str(caught.value)


@pytest.mark.parametrize("fields", SECRETS, ids=list(SECRETS.values()))
def test_no_secret_of_a_bad_catalogue_is_told(fields):
    with pytest.raises(CatalogueError) as caught:
        parse(f"[models.a]\ndeployments = [{{{fields}}}]", "m.toml")
    assert SECRETS[fields] in str(caught.value)
    whole = "".join(traceback.format_exception(caught.value))
    told = re.sub(r'File ".*"', "", whole)  # a checkout may lie anywhere
    assert not [it for it in ("sesame", "se/", "/same") if it in told]


def test_one_endpoint_may_be_called_with_two_keys():
    at = ", ".join(
        f"{{base_url = 'http://x', model = 'm', api_key_env = 'KEY_{it}'}}" for it in "AB"
    )
    found = parse(f"[models.a]\ndeployments = [{at}]", "m.toml").model("a").deployments
    assert [it.api_key_env for it in found] == ["KEY_A", "KEY_B"]


@pytest.mark.parametrize("name", ["KEY", "north_key", "_K2", "ANTHROPIC_KEY_2026"])
def test_names_of_variables_are_no_keys(name):
    at = f"{{base_url = 'http://x', model = 'm', api_key_env = '{name}'}}"
    (found,) = parse(f"[models.a]\ndeployments = [{at}]", "m.toml").model("a").deployments
    assert found.api_key_env == name


def test_all_problems_are_told_at_once():
    text = (
        "[models.a]\ninput_usd_per_mtok = -1\ncontext_window = -2\n[models.b]\ncontext_window = 0"
    )
    with pytest.raises(CatalogueError) as caught:
        parse(text, "m.toml")
    assert len(caught.value.problems) == 3


MIXED = """
price = 1
[engine]
balancing = "fastest"
queue = "many"
retry = { most = -1, first = 3 }
[models.large]
input_usd_per_mtok = "cheap"
capabilities = ["json", 3]
context_window = -1
fallbacks = ["gpt-4.1", "tiny"]
deployments = [
  { model = "m", timeouts = { total_s = "soon", connect_s = -1.0 } },
  { model = "m", weigth = 2.0 },
  "http://me:sesame@x",
  { base_url = "ftp://x", model = "m", weight = nan },
]
[models.gpt-4.1]
context_window = "8k"
[models.odd]
odd = 3
"""


def test_mistakes_of_every_sort_are_told_in_one_error():
    with pytest.raises(CatalogueError) as caught:
        parse(MIXED, "m.toml")
    told = sorted(problem.split(";")[0] for problem in caught.value.problems)
    at = "m.toml: models.large: deployment"
    assert told == sorted(
        [
            "m.toml: the file: no field 'price'",
            "m.toml: engine: no balancing 'fastest'",
            "m.toml: engine: queue is 'many'",
            "m.toml: engine: retry: no field 'first'",
            "m.toml: engine: retry.most is -1",
            "m.toml: models.large: input_usd_per_mtok is 'cheap'",
            "m.toml: models.large: capabilities is ['json', 3]",
            "m.toml: models.large: context_window is -1",
            "m.toml: models.large: falls back on 'tiny', which is not listed",
            f"{at} 1: base_url is missing",
            f"{at} 1: timeouts.total_s is 'soon'",
            f"{at} 1: timeouts.connect_s is -1.0",
            f"{at} 2: base_url is missing",
            f"{at} 2: no field 'weigth'",
            f"{at} 3: it is text",
            f"{at} 4: base_url 'ftp://x' must start with http:// or https://",
            f"{at} 4: weight is nan",
            "m.toml: models.gpt-4.1: a name with a dot is written in quotes: "
            '[models."gpt-4.1"], [[models."gpt-4.1".deployments]]',
            "m.toml: models.gpt-4.1: context_window is '8k'",
            "m.toml: models.odd: no field 'odd'",
        ]
    )
    assert "timeouts.total_s is 'soon'; write a number, such as 600.0" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_every_way_of_balancing_can_be_written_in_a_catalogue():
    for name in BALANCERS:
        found = parse(f"{GOOD}[engine]\nbalancing = '{name}'", "m.toml")
        assert found.engine.balancing == name
    with pytest.raises(CatalogueError, match=r"^m\.toml: engine: no balancing 'leest_busy'; write"):
        parse(GOOD + "[engine]\nbalancing = 'leest_busy'", "m.toml")


def test_parts_of_the_tokens_have_prices_of_their_own():
    model = Model(
        input_usd_per_mtok=2.0,
        output_usd_per_mtok=8.0,
        cached_input_usd_per_mtok=0.5,
        reasoning_usd_per_mtok=10.0,
        usd_per_request=0.25,
    )
    assert model.cost_usd(1e6, 1e6) == 10.25
    assert model.cost_usd(1e6, 1e6, cached_tokens=4e5) == 0.6 * 2 + 0.4 * 0.5 + 8.25
    assert model.cost_usd(1e6, 1e6, reasoning_tokens=1e6) == 2 + 10 + 0.25
    plain = Model(input_usd_per_mtok=2.0, output_usd_per_mtok=8.0)
    assert plain.cost_usd(1e6, 1e6, cached_tokens=3e5, reasoning_tokens=7e5) == 10.0


def test_a_part_of_a_catalogue_keeps_the_fallbacks_and_the_rules():
    text = GOOD.replace("cost_reported", 'fallbacks = ["small"]\ncost_reported')
    part = parse(text + "[engine]\nqueue = 7", "models.toml").only(["large"])
    assert list(part.models) == ["large", "small"]
    assert part.engine.queue == 7


def test_fields_that_say_nothing_are_not_written():
    written = msgspec.json.encode(parse(GOOD, "models.toml"))
    assert b"weight" not in written
    assert b"engine" not in written
    assert msgspec.json.decode(written, type=Catalogue) == parse(GOOD, "models.toml")


abilities = st.none() | st.frozensets(st.sampled_from("xyz")).map(lambda s: tuple(sorted(s)))


@given(st.dictionaries(st.sampled_from("abcd"), abilities), st.frozensets(st.sampled_from("xyz")))
def test_a_model_is_allowed_if_it_has_every_need_or_no_known_limit(able, needs):
    catalogue = Catalogue({name: Model(capabilities=has) for name, has in able.items()})
    allowed = catalogue.allowed("abcd", needs)
    for name in "abcd":
        has = able.get(name)
        assert (name in allowed) == (has is None or needs <= set(has))
        assert (f"{name} lacks" in catalogue.why_not("abcd", needs)) == (name not in allowed)
