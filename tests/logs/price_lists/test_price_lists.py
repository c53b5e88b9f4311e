"""Price lists of every form: read, looked up, refused, and used to price a log."""

from __future__ import annotations

import json
import math
import re
from datetime import date

import numpy as np
import pytest

from routelab.errors import LogError, RoutelabError
from routelab.logs import read as read_log
from routelab.logs.price_lists import read

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of them"},
    "big": {
        "litellm_provider": "north",
        "mode": "chat",
        "max_input_tokens": 400000,
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "cache_read_input_token_cost": 7.5e-08,
        "cache_creation_input_token_cost": 2e-07,
        "cache_creation_input_token_cost_above_1hr": 3e-07,
        "output_cost_per_reasoning_token": 9e-07,
        "input_cost_per_request": 0.005,
        "input_cost_per_token_batches": 7.5e-08,
        "output_cost_per_token_priority": 1.2e-06,
        "input_cost_per_token_above_200k_tokens": 3e-07,
        "input_cost_per_token_above_200k_tokens_batches": 1.5e-07,
        "input_cost_per_image": 0.1,
    },
    "north/ranged": {
        "litellm_provider": "north",
        "tiered_pricing": [
            {"range": [0, 1000], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
            {"range": [1000, 9000], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06},
        ],
    },
    "picture": {"litellm_provider": "north", "output_cost_per_image": 0.04},
}
GENAI = [
    {
        "id": "maker",
        "model_match": {"contains": "big"},
        "models": [
            {
                "id": "big",
                "match": {"or": [{"equals": "big"}, {"starts_with": "big-20"}]},
                "context_window": 400000,
                "prices": [
                    {
                        "prices": {
                            "input_mtok": {"base": 1, "tiers": [{"start": 200000, "price": 2}]},
                            "output_mtok": 4,
                            "cache_read_mtok": 0.25,
                            "cache_write_mtok": 1.25,
                            "cache_write_1h_mtok": 2,
                            "output_reasoning_mtok": 5,
                            "requests_kcount": 10,
                            "input_audio_mtok": 7,
                        }
                    },
                    {
                        "constraint": {"start_date": "2026-06-01"},
                        "prices": {"input_mtok": 3, "output_mtok": 6},
                    },
                ],
                "price_variants": [
                    {"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5}},
                    {
                        "when": {"service_tier": "priority"},
                        "constraint": {"start_date": "2026-08-01"},
                        "prices": {"input_mtok": 9},
                    },
                    {"when": {"route": "eu"}, "prices": {"input_mtok": 5}},
                ],
            }
        ],
    },
    {
        "id": "shop",
        "models": [
            {
                "id": "big",
                "match": {"equals": "big"},
                "prices": {"input_mtok": 2, "output_mtok": 8},
            },
            {
                "id": "odd",
                "match": {"equals": "odd"},
                "prices": {"input_mtok": 1, "output_mtok": 1},
            },
        ],
    },
    {
        "id": "kiosk",
        "models": [
            {"id": "odd", "match": {"equals": "odd"}, "prices": {"input_mtok": 2, "output_mtok": 1}}
        ],
    },
]


@pytest.fixture
def written(tmp_path):
    def write(found, name="prices.json"):
        path = tmp_path / name
        path.write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
        return path

    return write


def test_litellms_json(written):
    found = read(written(LITELLM))
    assert (found.form, found.names) == ("litellm", ("big", "north/ranged"))
    big = found.models(["big"])["big"]
    assert big.context_window == 400000
    assert big.input_usd_per_mtok == 0.15  # and not 0.15000000000000002
    assert big.cost_usd(1000, 100) == pytest.approx((150 + 60) / 1e6 + 0.005)
    assert big.cost_usd(1000, 100, 400, 50, 300, 100) == pytest.approx(
        (300 * 0.15 + 400 * 0.075 + 200 * 0.2 + 100 * 0.3 + 50 * 0.6 + 50 * 0.9) / 1e6 + 0.005
    )
    long = 200_001
    assert big.cost_usd(long, 0) == pytest.approx(long * 0.3 / 1e6 + 0.005)
    assert big.cost_usd(long, 0, service="batch") == pytest.approx(long * 0.15 / 1e6 + 0.005)
    assert big.cost_usd(0, 1000, service="priority") == pytest.approx(1200 / 1e6 + 0.005)
    assert found.listed("big").notes == ("not read: input_cost_per_image",)
    ranged = found.models(["ranged"])["ranged"]  # behind the name of its provider
    assert (ranged.cost_usd(1000, 0), ranged.cost_usd(1001, 0)) == (1e-3, 3003 / 1e6)
    assert found.find("north/big") == "big"
    assert found.find("big@high") == "big"
    assert found.find("picture") is None
    assert found.unknown(["picture", "bigg"]) == (
        "prices.json: no price of 'picture'",
        "prices.json: no price of 'bigg'; the nearest name is 'big'",
    )


def test_genai_prices_json(written):
    found = read(written(GENAI))
    assert found.form == "genai-prices"
    assert found.find("big") == "maker/big"  # of its maker, though a shop has it too
    assert found.find("big-2026-01-01") == "maker/big"
    assert found.find("shop/big") == "shop/big"
    big = found.models(["big"])["big"]
    may, june, august = (date(2026, month, 1) for month in (5, 6, 8))
    assert big.cost_usd(1000, 100, 400, 50, 300, 100, day=may) == pytest.approx(
        (300 * 1 + 400 * 0.25 + 200 * 1.25 + 100 * 2 + 50 * 4 + 50 * 5) / 1e6 + 0.01
    )
    assert big.cost_usd(200_001, 0, day=may) == pytest.approx(200_001 * 2 / 1e6 + 0.01)
    assert big.cost_usd(1000, 0, day=june) == 3000 / 1e6
    assert big.cost_usd(1000, 0, service="batch", day=june) == 500 / 1e6
    assert big.cost_usd(1000, 0, service="priority", day=june) == 3000 / 1e6
    assert big.cost_usd(1000, 0, service="priority", day=august) == 9000 / 1e6
    assert found.listed("maker/big").notes == (
        "not read: prices when route = eu",
        "not read: input_audio_mtok",
    )
    with pytest.raises(LogError, match="'odd' may be shop/odd, kiosk/odd, whose prices differ"):
        found.models(["odd"])


def test_a_csv_with_days_and_all_prices(written):
    text = (
        "model,from,usd_per_1m_input,usd_per_1m_output,usd_per_1m_cached_input,usd_per_request\n"
        "a,,1,2,0.5,0.01\na,2026-06-01,2,4,,\nb,,1,1,,\n"
    )
    a = read(written(text, "p.csv")).models(["a"])["a"]
    assert a.cost_usd(1000, 0, 1000, day=date(2026, 5, 1)) == 0.0105
    assert a.cost_usd(1000, 0, 1000, day=date(2026, 6, 1)) == 0.002
    flat = read(written("model,usd_per_request\na,0.25\n", "flat.csv")).models(["a"])["a"]
    assert flat.cost_usd(math.nan, math.nan) == 0.25


def test_prices_of_a_csv_are_written_as_numbers_of_logs_are(written):
    comma = (
        "model;usd_per_1m_input;usd_per_1m_output;usd_per_request\na;0,15;$1 250,5;-\nb;2;3;n/a\n"
    )
    a = read(written(comma, "p.csv")).models(["a", "b"])["a"]
    assert (a.input_usd_per_mtok, a.output_usd_per_mtok, a.usd_per_request) == (0.15, 1250.5, 0.0)
    text = 'model,usd_per_1m_input,usd_per_1m_output\na,10%,1\nb,2,"1,234"\nc,yes,inf\n'
    with pytest.raises(LogError) as refused:
        read(written(text, "p.csv"))
    assert [*refused.value.problems] == [
        "p.csv: line 2 ('a'): usd_per_1m_input is '10%'; a percent is none of these amounts:"
        " write it out",
        "p.csv: line 3 ('b'): usd_per_1m_output is '1,234'; it may mean 1234 or 1.234: write"
        " the one that is meant",
        "p.csv: line 4 ('c'): usd_per_1m_input is 'yes'; a price is a number >= 0",
        "p.csv: line 4 ('c'): usd_per_1m_output is 'inf'; a price is a number >= 0",
    ]


@pytest.mark.parametrize(
    ("name", "found", "said"),
    [
        (
            "p.csv",
            "model,usd_per_1m_input,usd_per_1m_output,from\na,1,1,2026-06-01\na,-1,x,2026-06-01\n"
            "b,1,1,soon\n",
            [
                "line 3 ('a'): usd_per_1m_input is '-1'",
                "line 3 ('a'): usd_per_1m_output is 'x'",
                "line 4: from is 'soon'",
                "listed twice: a from 2026-06-01",
            ],
        ),
        ("p.csv", "model,usd_per_1m_inputs,usd_per_1m_output\na,1,1\n", ["usd_per_1m_input'"]),
        (  # a decimal comma, which would be another price; and a comma too many is none
            "p.csv",
            "model,usd_per_1m_input,usd_per_1m_output\na,1,2,\nb,0,5,1,5\n",
            ["p.csv: line 3: 5 fields, and the header has 3"],
        ),
        ("p.csv", "usd_per_1m_input,usd_per_1m_output,model\n1,2,\n", ["line 2: model is empty"]),
        ("p.json", "{", ["prices cannot be read"]),
        ("p.json", "[1, 2]", ["is JSON of no known price list"]),
        ("p.json", '{"a": {"input_cost_per_token": 1, "input_cost_per_token": 2}}', ["twice"]),
        ("p.json", '{"a": {"input_cost_per_token": 1}, "a": {"mode": "chat"}}', ["twice: a"]),
    ],
)
def test_lists_that_are_none_are_refused_with_all_that_is_wrong(written, name, found, said):
    with pytest.raises(RoutelabError) as caught:
        read(written(found, name))
    assert all(it in str(caught.value) for it in said), str(caught.value)


def test_prices_that_nothing_can_cost_are_refused_together_and_only_where_asked(written):
    bad = {
        "good": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6},
        "minus": {"input_cost_per_token": -1e-6, "output_cost_per_token": "x"},
        "endless": {"input_cost_per_token": math.inf, "output_cost_per_token": True},
        "ranges": {
            "tiered_pricing": [
                {"range": [0, 100], "input_cost_per_token": 1e-6},
                {"range": [50, 200], "input_cost_per_token": 2e-6},
            ]
        },
    }
    found = read(written(bad))
    assert found.models(["good"])["good"].cost_usd(1, 1) == 2e-6
    with pytest.raises(LogError) as caught:
        found.all()
    told = str(caught.value)
    for it in (
        "minus: output_cost_per_token is 'x'; a price is a number",
        "minus: input_usd_per_mtok is -1.0; a price is finite and not negative",
        "endless: input_usd_per_mtok is inf",
        "endless: output_cost_per_token is True",
        "ranges: tiered_pricing: the ranges 0 to 100 and 50 to 200 overlap",
    ):
        assert it in told
    twice = json.loads(json.dumps(GENAI))
    model = twice[0]["models"][0]
    model["prices"].append({"constraint": {"start_date": "2026-06-01"}, "prices": {}})
    model["prices"][0]["prices"]["input_mtok"]["tiers"] *= 2
    with pytest.raises(LogError) as caught:
        read(written(twice)).models(["big"])
    assert "maker/big: 2 prices from 2026-06-01; keep one" in str(caught.value)
    assert "input_mtok: 2 tiers above 200000 tokens overlap; keep one" in str(caught.value)


LOG = (
    "request_id,model,prompt,quality,prompt_tokens,completion_tokens,cached_tokens,"
    "cache_write_tokens,reasoning_tokens,service_tier,served_model,timestamp,cost_usd,error\n"
    "1,big,p,1,1000,100,400,300,50,,,2026-05-01T00:00:00Z,,\n"
    "1,odd,p,1,1000,100,,,,default,,2026-05-01T00:00:00Z,,\n"
    "2,big,q,1,1000,100,,,,batch,,2026-06-01T00:00:00Z,,\n"
    "2,odd,q,1,1000,100,,,,,big-2026-01-01,2026-06-01T00:00:00Z,,\n"
    "3,big,r,1,1000,100,,,,,,2026-06-01T00:00:00Z,7,\n"
    "3,odd,r,0,,,,,,,,2026-06-01T00:00:00Z,,boom\n"
)


def test_a_log_is_priced_by_all_that_it_says(written):
    listed = [it for it in GENAI if it["id"] != "kiosk"]
    log = read_log(written(LOG, "log.csv"), prices=written(listed))
    parts = (300 * 1 + 400 * 0.25 + 300 * 1.25 + 50 * 4 + 50 * 5) / 1e6 + 0.01
    batch, of_june = (500 + 100 * 6) / 1e6, (3000 + 600) / 1e6
    assert log.cost_usd[:, log.column("big")] == pytest.approx([parts, batch, 7.0])
    assert log.cost_usd[:, log.column("odd")] == pytest.approx([1100 / 1e6, of_june, 0.0])
    assert not log.signals


def test_a_model_without_a_price_is_an_error_and_not_a_zero(written):
    listed = [it for it in GENAI if it["id"] == "maker"]
    with pytest.raises(LogError, match=r"prices.json: no price of 'odd'.*add it to the list"):
        read_log(written(LOG, "log.csv"), prices=written(listed))


def test_parts_above_their_whole_are_refused(written):
    beside = LOG.replace("1000,100,400,300,50", "500,100,600,300,500")
    with pytest.raises(LogError) as caught:
        read_log(written(beside, "log.csv"))
    assert "cached_tokens is 600.0; it is part of prompt_tokens, so never more" in str(caught.value)
    assert "reasoning_tokens is 500.0; it is part of completion_tokens" in str(caught.value)


def test_prices_of_days_need_a_time_unless_they_are_the_same(written):
    undated = LOG.replace("timestamp", "tenant")
    listed = [it for it in GENAI if it["id"] != "kiosk"]
    with pytest.raises(LogError, match=r"'big' change from day to day.*4 of its|day to day"):
        read_log(written(undated, "log.csv"), prices=written(listed))
    same = json.loads(json.dumps(listed))
    prices = {"input_mtok": 1, "output_mtok": 1}
    same[0]["models"][0]["prices"] = [
        {"prices": prices},
        {"constraint": {"start_date": "2026-06-01"}, "prices": prices},
    ]
    same[0]["models"][0]["price_variants"] = []
    no_service = undated.replace(",batch,", ",,").replace(",default,", ",,")
    plain = "\n".join(
        ",".join(cell for at, cell in enumerate(line.split(",")) if at != 9)
        for line in no_service.splitlines()
    )
    log = read_log(written(plain, "log.csv"), prices=written(same))
    assert log.cost_usd[0, log.column("big")] == pytest.approx(1100 / 1e6)


def test_flat_prices_per_call_price_a_log(written):
    flat = written("model,usd_per_request\nbig,0.002\nodd,0.0005\n", "flat.csv")
    log = read_log(written(LOG, "log.csv"), prices=flat)
    assert log.cost_usd[:2].tolist() == [[0.002, 0.0005]] * 2
    assert log.cost_usd[2].tolist() == [7.0, 0.0]  # logged; failed
    assert np.isfinite(log.cost_usd).all()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,1,2,9\nb,1,2\n", "line 2: 4 fields, and the header has 3"),
        ("a,1\nb,1,2\n", "line 2: 2 fields, and the header has 3"),
        (",1,2\n", "line 2: model is empty"),
        ('"a,1,2\nb,1,2\n', "prices cannot be read"),
    ],
)
def test_a_row_of_a_csv_that_is_not_what_the_header_says_is_refused(tmp_path, rows, says):
    path = tmp_path / "prices.csv"
    path.write_text(f"model,usd_per_1m_input,usd_per_1m_output\n{rows}", "utf-8")
    with pytest.raises(LogError, match=re.escape(says)):
        read(path)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("model,usd_per_1m_input,usd_per_1m_output,usd_per_1m_input\na,1,2,3\n", "utf-8")
    with pytest.raises(LogError, match="'usd_per_1m_input' is there twice"):
        read(path)


def test_tiers_that_no_prompt_reaches_and_toml_too_deep_are_refused(tmp_path):
    tier = f"input_cost_per_token_above_{'9' * 400}k_tokens"
    price = {"litellm_provider": "p", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"a": price | {tier: 1e-6}}), "utf-8")
    with pytest.raises(LogError, match="no prompt is that long"):
        read(path).models(["a"])
    deep = tmp_path / "models.toml"
    deep.write_text(f"x = {'[' * 9999}", "utf-8")
    with pytest.raises(RoutelabError, match="nested too deep"):
        read(deep)


@pytest.mark.parametrize("form", ["csv", "toml", "flat"])
def test_calls_before_the_first_day_of_their_prices_are_refused_and_never_lost(written, form):
    log = written(
        "request_id,model,quality,prompt_tokens,completion_tokens,timestamp,cost_usd\n"
        "1,a,1,1000,0,2026-05-01,\n2,a,0,1000,0,2026-05-02,0.5\n3,a,0,1000,0,2026-05-03,\n"
        + "".join(f"{it},b,1,1000,0,2026-05-0{it},1\n" for it in (1, 2, 3)),
        "log.csv",
    )
    text, name = {
        "csv": (
            "model,usd_per_1m_input,usd_per_1m_output,from\na,1,2,2026-05-03\na,5,5,2026-06-01\n",
            "p.csv",
        ),
        "flat": ("model,usd_per_request,from\na,0.001,2026-05-03\n", "p.csv"),
        "toml": (
            "[models.a]\ndated = [{ from = 2026-05-03, input_usd_per_mtok = 1,"
            " output_usd_per_mtok = 2 }]\n",
            "p.toml",
        ),
    }[form]
    said = "prices of 'a' begin on 2026-05-03, and 1 of its calls without a logged cost"
    with pytest.raises(LogError, match=said):
        read_log(log, prices=written(text, name))
    since = written(text.replace("2026-05-03", "2026-05-01"), name)
    assert read_log(log, prices=since).cost_usd[:, 0].tolist() == [0.001, 0.5, 0.001]


def test_a_note_of_flat_prices_speaks_of_no_tokens(written):
    log = written("request_id,model,quality\n1,a,1\n1,b,0\n", "log.csv")
    flat = written("model,usd_per_request\na,0.25\nb,0.5\n", "p.csv")
    (note,) = read_log(log, prices=flat).notes
    assert note.startswith("cost of a, b derived from the prices of p.csv")
