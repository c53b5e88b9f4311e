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
from routelab.runtime.attempts.usage_dialects import usage_of

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
        (  # nonsense is bounded by the whole
            {**CHAT, "prompt_tokens_details": {"cached_tokens": 999, "cache_write_tokens": 999}},
            (100, 20, 100, 0, 0, 0),
        ),
        ({**CHAT, "prompt_tokens_details": {"cached_tokens": "60"}}, (100, 20, 0, 0, 0, 0)),
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
        {"prompt_tokens": True, "completion_tokens": "12"},
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
