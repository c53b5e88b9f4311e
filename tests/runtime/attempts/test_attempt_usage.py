"""Usage in the forms of providers and gateways, and the prices of whoever served."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.catalogue import Catalogue, DatedPrices, Deployment, Model, ServicePrices
from routelab.runtime.attempts import ServedPrices, token_usage
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.usage.dialects import usage_of

CHAT = {"prompt_tokens": 100, "completion_tokens": 20}


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (CHAT, (100, 20, 0, 0, 0, 0)),
        ({**CHAT, "prompt_tokens_details": {"cached_tokens": 60}}, (100, 20, 60, 0, 0, 0)),
        (
            {**CHAT, "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}},
            (100, 20, 60, 0, 30, 0),
        ),
        ({**CHAT, "completion_tokens_details": {"reasoning_tokens": 5}}, (100, 20, 0, 5, 0, 0)),
        (  # beside the completion, as the total says
            {**CHAT, "completion_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 125},
            (100, 25, 0, 5, 0, 0),
        ),
        (  # a gateway before Anthropic: the prompt includes both, and the fields are there too
            {
                **CHAT,
                "total_tokens": 120,
                "prompt_tokens_details": {"cached_tokens": 50, "cache_creation_tokens": 30},
                "cache_read_input_tokens": 50,
                "cache_creation_input_tokens": 30,
            },
            (100, 20, 50, 0, 30, 0),
        ),
        (  # one that leaves them out of the prompt, as the total says
            {
                **CHAT,
                "total_tokens": 200,
                "cache_read_input_tokens": 50,
                "cache_creation_input_tokens": 30,
            },
            (180, 20, 50, 0, 30, 0),
        ),
        (  # or as the numbers say
            {**CHAT, "cache_read_input_tokens": 900},
            (1000, 20, 900, 0, 0, 0),
        ),
        (  # Anthropic's own: input tokens exclude the cache
            {
                "input_tokens": 100,
                "output_tokens": 20,
                "cache_read_input_tokens": 50,
                "cache_creation_input_tokens": 30,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 20,
                    "ephemeral_1h_input_tokens": 10,
                },
            },
            (180, 20, 50, 0, 30, 10),
        ),
        (  # OpenAI's responses: they include it
            {
                "input_tokens": 100,
                "output_tokens": 20,
                "input_tokens_details": {"cached_tokens": 50},
                "output_tokens_details": {"reasoning_tokens": 5},
            },
            (100, 20, 50, 5, 0, 0),
        ),
        ({**CHAT, "prompt_cache_hit_tokens": 64}, (100, 20, 64, 0, 0, 0)),
        ({**CHAT, "cached_tokens": 64}, (100, 20, 64, 0, 0, 0)),
        ({**CHAT, "num_cached_tokens": 64}, (100, 20, 64, 0, 0, 0)),
        (  # thought, and told in the total alone
            {"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623},
            (20, 603, 0, 405, 0, 0),
        ),
        ({"prompt_tokens": 100, "total_tokens": 120}, (100, 20, 0, 0, 0, 0)),
        ({"completion_tokens": 20, "total_tokens": 120}, (100, 20, 0, 0, 0, 0)),
        ({**CHAT, "total_tokens": 90}, (100, 20, 0, 0, 0, 0)),
        ({**CHAT, "reasoning_tokens": 15}, (100, 20, 0, 15, 0, 0)),
        (  # Gemini's own: thoughts and prompts of tools beside
            {
                "promptTokenCount": 90,
                "toolUsePromptTokenCount": 10,
                "cachedContentTokenCount": 40,
                "candidatesTokenCount": 15,
                "thoughtsTokenCount": 5,
                "totalTokenCount": 120,
            },
            (100, 20, 40, 5, 0, 0),
        ),
        (  # Converse's: input tokens exclude the cache
            {
                "inputTokens": 100,
                "outputTokens": 20,
                "totalTokens": 200,
                "cacheReadInputTokens": 50,
                "cacheWriteInputTokens": 30,
            },
            (180, 20, 50, 0, 30, 0),
        ),
        (
            {
                "billed_units": {"input_tokens": 100, "output_tokens": 20},
                "tokens": {"input_tokens": 700, "output_tokens": 21},
            },
            (100, 20, 0, 0, 0, 0),
        ),
        ({"prompt_eval_count": 100, "eval_count": 20}, (100, 20, 0, 0, 0, 0)),
        (  # more than the whole, so beside it
            {**CHAT, "prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 400}},
            (1000, 20, 500, 0, 400, 0),
        ),
        (  # whatever the total says
            {**CHAT, "total_tokens": 120, "completion_tokens_details": {"reasoning_tokens": 500}},
            (100, 520, 0, 500, 0, 0),
        ),
        ({**CHAT, "prompt_tokens_details": {"cached_tokens": "60"}}, (100, 20, 60, 0, 0, 0)),
        ({"prompt_tokens": "100", "completion_tokens": " 20 "}, (100, 20, 0, 0, 0, 0)),
        (
            {**dict.fromkeys(CHAT, 0), "input_tokens": 100, "output_tokens": 20},
            (100, 20) + 4 * (0,),
        ),
        ({**CHAT, "completion_tokens": -1, "total_tokens": 120}, (100, 20, 0, 0, 0, 0)),
        (
            {
                "prompt_cache_hit_tokens": 64,
                "prompt_cache_miss_tokens": 36,
                "completion_tokens": 20,
            },
            (100, 20, 64, 0, 0, 0),
        ),
        ({"tokens": {"input_tokens": 100, "output_tokens": 20}}, (100, 20, 0, 0, 0, 0)),
        ({"promptTokens": 100, "completionTokens": 20}, (100, 20, 0, 0, 0, 0)),
        ({"inputTokens": 100, "outputTokens": 20, "cachedInputTokens": 40}, (100, 20, 40, 0, 0, 0)),
        ({"inputTokenCount": 100, "outputTokenCount": 20}, (100, 20, 0, 0, 0, 0)),
        ({"prompt_token_count": 100, "completion_token_count": 20}, (100, 20, 0, 0, 0, 0)),
        ({"prompt_n": 60, "cache_n": 40, "predicted_n": 20}, (100, 20, 40, 0, 0, 0)),
        ({"tokens_evaluated": 100, "tokens_predicted": 20}, (100, 20, 0, 0, 0, 0)),
        (
            {**CHAT, "prompt_tokens_details": [60], "completion_tokens_details": 5},
            (100, 20) + 4 * (0,),
        ),
        (  # a field that says nothing does not hide the one that does
            {
                **CHAT,
                "input_tokens_details": {"cached_tokens": 0},
                "cache_read_input_tokens": 0,
                "prompt_cache_hit_tokens": 64,
            },
            (100, 20, 64, 0, 0, 0),
        ),
    ],
)
def test_usage_follows_one_rule_in_whichever_form_it_comes(usage, found):
    assert token_usage(usage) == found


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": -5, "completion_tokens": -1},
        {"prompt_tokens": float("inf"), "completion_tokens": float("nan")},
        {"prompt_tokens": 10**30, "completion_tokens": 1e300},
        {"prompt_tokens": True, "completion_tokens": "a dozen"},
        {"prompt_tokens": "-1", "completion_tokens": "1e400"},
        {"prompt_tokens": "\u0661\u0662", "completion_tokens": ""},
        {"promptTokenCount": "many"},
        {"inputTokens": []},
        {"billed_units": 7},
    ],
)
def test_what_cannot_be_a_number_of_tokens_is_unknown_and_never_nothing(usage):
    prompt, completion, *_ = token_usage(usage)
    assert math.isnan(prompt)
    assert math.isnan(completion)


COUNTED = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
ZEROS = dict.fromkeys(COUNTED, 0)
CHOICES = [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]


@pytest.mark.parametrize(
    "places",
    [
        {"usage": COUNTED},
        {"x_groq": {"id": "r", "usage": COUNTED}},
        {"usage": None, "choices": [{**CHOICES[0], "usage": COUNTED}]},
        {"usage": {}, "x_groq": {"usage": COUNTED}},
        {"usage": ZEROS, "choices": [{**CHOICES[0], "usage": COUNTED}]},
        {"usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20}},
        {"prompt_eval_count": 100, "eval_count": 20},
        {"tokens_evaluated": 100, "tokens_predicted": 20},
        {"timings": {"prompt_n": 60, "cache_n": 40, "predicted_n": 20}},
        {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 100, "outputTokenCount": 20}},
        {"meta": {"billed_units": {"input_tokens": 100, "output_tokens": 20}}},
        {"meta": {"tokens": {"input_tokens": 100, "output_tokens": 20}}},
        *({it: {"usage": COUNTED}} for it in ("data", "meta", "message", "response", "metadata")),
        {"token_usage": COUNTED},
        {"usage": [COUNTED]},
        {"usage": {"queue_time": 0.1}, "data": {"usage": COUNTED}},
        {"choices": [{"message": {"content": "hi", "usage": COUNTED}, "finish_reason": "stop"}]},
        {"usage": ZEROS, "timings": {"prompt_n": 100, "predicted_n": 20}},
        {"usage": COUNTED, "timings": {"prompt_n": 1, "predicted_n": 2}},
        {"usage": COUNTED, "choices": [{**CHOICES[0], "usage": {"prompt_tokens": 7}}]},
    ],
)
def test_usage_is_found_wherever_it_stands(places):
    assert token_usage(usage_of({"choices": CHOICES, **places}))[:2] == (100, 20)
    whole = Assembly()
    whole.add({"choices": [{"index": 0, "delta": {"content": "hi"}}]})
    whole.add({"choices": [], **places})
    assert token_usage(whole.body()["usage"])[:2] == (100, 20)


PARTS = (
    {"prompt_tokens": 100},
    {"completion_tokens": 20},
    {"prompt_tokens_details": {"cached_tokens": 40}},
)


@given(
    st.permutations(PARTS),
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([{}, ZEROS, {"prompt_tokens": None}])),
        max_size=4,
    ),
)
def test_usage_split_over_pieces_in_any_order_among_empty_ones_is_the_same(parts, noise):
    pieces = list(parts)
    for at, nothing in noise:
        pieces.insert(at, nothing)
    whole = Assembly()
    for piece in pieces:
        whole.add({"choices": [], "usage": piece})
    assert token_usage(whole.usage) == (100, 20, 40, 0, 0, 0)


FIRST = {
    "chat": {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101},
    "messages": {"input_tokens": 100, "output_tokens": 1},
    "Converse": {"inputTokens": 100, "outputTokens": 1, "totalTokens": 101},
    "Gemini": {"promptTokenCount": 100, "candidatesTokenCount": 1, "totalTokenCount": 101},
    "junk": {"prompt_tokens": -1, "completion_tokens": -1, "total_tokens": -1},
    "texts": {"prompt_tokens": "", "completion_tokens": "unknown"},
    "zeros": ZEROS,
}
FINAL = {
    "chat": COUNTED,
    "messages": {"input_tokens": 100, "output_tokens": 20},
    "Converse": {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120},
    "Gemini": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
    "numerals": {"prompt_tokens": "100", "completion_tokens": "20"},
    "no total": {"prompt_tokens": 100, "completion_tokens": 20},
    "completion": {"completion_tokens": 20},
}
JUNK = (
    {},
    ZEROS,
    FIRST["junk"],
    FIRST["texts"],
    {"prompt_tokens": None, "completion_tokens": 10**12},
    {"prompt_tokens_details": {"cached_tokens": -1}},
    {"inputTokens": 0, "outputTokens": 0},
)


WITH_PROMPT = ("chat", "messages")
"""After which the final usage need not repeat it."""


@pytest.mark.parametrize("last", JUNK)
@pytest.mark.parametrize(
    ("first", "final"),
    [(it, last) for it in FIRST for last in FINAL if last != "completion" or it in WITH_PROMPT],
)
def test_the_last_good_usage_of_a_stream_counts_whatever_its_names(first, final, last):
    whole = Assembly()
    for usage in (FIRST[first], FINAL[final], last):
        whole.add({"choices": [{"index": 0, "delta": {"content": "hi"}}], "usage": usage})
    assert token_usage(whole.usage)[:3] == (100, 20, 0)
    assert token_usage(usage_of(whole.body()))[:3] == (100, 20, 0)


def of_choices(*usages):
    return [
        {"index": at, "message": {"content": "hi"}, "finish_reason": "stop", "usage": usage}
        for at, usage in enumerate(usages)
    ]


@pytest.mark.parametrize("names", ["chat", "messages"])
def test_choices_with_usages_of_their_own_add_up_and_share_the_prompt(names):
    prompt, completion = FIRST[names].keys() - {"total_tokens"}
    if prompt.startswith(("completion", "output")):
        prompt, completion = completion, prompt
    choices = of_choices(*({prompt: 100, completion: it} for it in (500, 20, 3)))
    assert token_usage(usage_of({"choices": choices}))[:2] == (100, 523)
    whole = Assembly(3)
    for choice in choices:
        delta = {"index": choice["index"], "delta": {"content": "hi"}}
        whole.add({"choices": [{**delta, "usage": {prompt: 100, completion: 1}}]})
    for choice in choices:
        whole.add({"choices": [{**choice, "delta": {}, "message": {}}]})
    assert token_usage(whole.usage)[:2] == (100, 523)
    whole.add({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 600}})
    assert token_usage(whole.usage)[:2] == (100, 600)  # what is said of all goes before


def test_the_same_usage_at_every_choice_is_that_of_all():
    assert token_usage(usage_of({"choices": of_choices(COUNTED, COUNTED)}))[:2] == (100, 20)


@pytest.mark.parametrize(
    ("usage", "note"),
    [
        ({"total_tokens": 10**9}, "total_tokens is 1000000000, which can be no number of tokens"),
        ({"total_tokens": -5}, "total_tokens is -5"),
        ({"prompt_tokens_details": {"cached_tokens": -500}}, "cached_tokens is -500"),
        ({"prompt_tokens_details": {"cached_tokens": 10**12}}, "cached_tokens is 1000000000000"),
        ({"completion_tokens_details": {"reasoning_tokens": "lots"}}, "reasoning_tokens is 'lots'"),
        ({"prompt_tokens_details": {"cached_tokens": 500}}, "500 cached tokens are more than"),
        ({"total_tokens": 120, "reasoning_tokens": 500}, "500 tokens thought are more than"),
        ({"prompt_tokens": 0}, "it reports no tokens of the prompt"),
        ({"cache_read_input_tokens": True}, "cache_read_input_tokens is True"),
    ],
)
def test_whatever_is_odd_of_a_number_is_noted_and_warned_of(usage, note):
    found = cost({"usage": {**CHAT, **usage}})
    assert note in found.note
    assert note in dict(found.remarks)["tokens"]
    assert found.usd > 0.0


@pytest.mark.parametrize(
    ("total", "note"),
    [
        (150, "30 tokens stand in total_tokens only, and are charged as thought"),
        (90, "total_tokens is 30 less than prompt and completion together, which count"),
    ],
)
def test_what_does_not_add_up_is_noted_and_warned_of(total, note):
    found = cost({"usage": {**CHAT, "total_tokens": total}})
    assert found.note == note
    ((what, told),) = found.remarks
    assert what == "tokens"
    assert note in told
    assert "invoice" in told
    assert found.usd == pytest.approx(max(total, 120) / 1e6)


def test_zero_tokens_are_an_unknown_cost_and_say_so():
    found = cost({"usage": ZEROS})
    assert math.isnan(found.usd)
    assert "it reports no tokens at all" in found.note
    assert found.fix


AT = (Deployment("http://a/v1", "x-1"),)
ASKED = Model(
    input_usd_per_mtok=1.0,
    output_usd_per_mtok=1.0,
    deployments=AT,
    services={"flex": ServicePrices(input_usd_per_mtok=0.5, output_usd_per_mtok=0.5)},
    dated=(
        DatedPrices(from_day=date(2026, 6, 1), input_usd_per_mtok=2.0, output_usd_per_mtok=2.0),
    ),
)
OTHER = Model(input_usd_per_mtok=10.0, output_usd_per_mtok=10.0)
BODY = {"choices": [{}], "usage": CHAT}
MAY_S, JUNE_S = 1_777_600_000.0, 1_780_500_000.0


def cost(body, at_s=MAY_S, listed=None, asked=ASKED):
    prices = ServedPrices(Catalogue({"x": asked}), listed or {"other": OTHER}, lambda: at_s)
    return prices.cost("x", {**BODY, **body}, 1.0)


@pytest.mark.parametrize(
    "served",
    [
        *("x", "x-1", "x-2026-09-09", "x-20260909", "x@20260909", "x-0613", "x-latest"),
        *(None, 5, "", ["x"], {"name": "x"}),
    ],
)
def test_the_asked_model_under_its_own_names_is_priced_in_silence(served):
    found = cost({"model": served})
    assert (found.usd, found.remarks) == (120 / 1e6, ())


def test_the_served_model_is_priced_where_it_is_listed():
    assert cost({"model": "other"}).usd == 1200 / 1e6
    moved = {"alias": Model(input_usd_per_mtok=3.0, output_usd_per_mtok=3.0, deployments=AT)}
    behind = {"y": Model(1.5, 1.5, deployments=(Deployment("http://b/v1", "y-7"),))}
    assert cost({"model": "y-7"}, listed=moved | behind).usd == pytest.approx(180 / 1e6)


def test_a_snapshot_that_is_listed_has_its_own_prices():
    assert cost({"model": "x-2026-09-09"}, listed={"x-2026-09-09": OTHER}).usd == 1200 / 1e6


def test_a_served_model_that_is_not_listed_is_said_and_charged_as_asked():
    found = cost({"model": "x-mini-2026-09-09"})
    assert found.usd == 120 / 1e6
    ((what, sentence),) = found.remarks
    assert what == "served"
    assert "'x-mini-2026-09-09' answered, which has no price in the catalogue" in sentence


def test_services_and_days_of_live_responses():
    assert cost({"service_tier": "flex"}).usd == 60 / 1e6
    assert cost({"service_tier": "default"}).remarks == ()
    assert cost({}, JUNE_S).usd == 240 / 1e6
    odd = cost({"service_tier": "priority"})
    assert odd.usd == 120 / 1e6
    assert "service_tier 'priority' has no price" in odd.remarks[0][1]


def test_a_flat_price_needs_no_usage_and_charges_no_failure():
    flat = Model(usd_per_request=0.25, deployments=AT)
    assert cost({"usage": None}, asked=flat).usd == 0.25
    empty = ServedPrices(Catalogue({"x": flat})).cost("x", {}, 1.0)
    assert empty.usd != empty.usd


BY_COST = Model(1.0, 1.0, deployments=AT, cost_reported=True)


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"cost": 0.25}, 0.25),
        ({"cost": "0.25"}, 0.25),
        ({"cost": {"total_cost": 0.25}}, 0.25),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.25}}, 0.25),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.24}}, 0.25),
        ({"cost": 0.25, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.2}}, 0.25),
        ({"cost": 0.25, "cost_details": {"upstream_inference_cost": None}}, 0.25),
    ],
)
def test_a_reported_cost_is_read_with_what_stands_beside_it(usage, usd):
    found = cost({"usage": {**CHAT, **usage}}, asked=BY_COST)
    assert found.usd == pytest.approx(usd)
    assert found.remarks == ()


@pytest.mark.parametrize("said", [0, -3, 1e5, "free", True])
def test_a_reported_cost_that_cannot_be_is_warned_of_and_not_charged(said):
    found = cost({"usage": {**CHAT, "cost": said}}, asked=BY_COST)
    assert found.usd == pytest.approx(120 / 1e6)
    assert "usage.cost" in found.note
    assert "does not add up" in dict(found.remarks)["usage.cost"]
    free = Model(deployments=AT, cost_reported=True)
    if said == 0:
        assert cost({"usage": {**CHAT, "cost": 0}}, asked=free)[:2] == (0.0, "")
