"""What tokens cost: one rule, one sum, and nothing that is not known becomes a zero."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.catalogue import (
    ContextTier,
    DatedPrices,
    Model,
    ServicePrices,
    TokenUsage,
    catalogue_file,
    dearest,
    upper_tokens_usd,
)
from routelab.errors import CatalogueError
from routelab.logs.price_lists import costs

FULL = Model(
    input_usd_per_mtok=2.0,
    output_usd_per_mtok=10.0,
    cached_input_usd_per_mtok=0.5,
    cache_write_usd_per_mtok=2.5,
    cache_write_1h_usd_per_mtok=4.0,
    reasoning_usd_per_mtok=12.0,
    usd_per_request=0.01,
)
MILLION = 1e6


def test_every_token_is_charged_once_at_the_price_of_its_kind():
    """1,000 of a prompt: 400 cached, 300 written, 100 of those for an hour; 500 answered."""
    usd = FULL.cost_usd(1000, 500, 400, 200, 300, 100)
    prompt = 300 * 2.0 + 400 * 0.5 + 200 * 2.5 + 100 * 4.0
    assert usd == pytest.approx((prompt + 300 * 10.0 + 200 * 12.0) / MILLION + 0.01, rel=1e-12)


def test_a_part_without_a_price_costs_what_its_whole_does():
    plain = Model(input_usd_per_mtok=2.0, output_usd_per_mtok=10.0)
    assert plain.cost_usd(1000, 500, 400, 200, 300, 100) == plain.cost_usd(1000, 500)
    written = Model(
        input_usd_per_mtok=2.0, output_usd_per_mtok=10.0, cache_write_usd_per_mtok=2.5
    )  # an hour's writing costs what writing does
    assert written.cost_usd(1000, 0, 0, 0, 300, 300) == written.cost_usd(1000, 0, 0, 0, 300)
    free = Model(input_usd_per_mtok=2.0, output_usd_per_mtok=10.0, cached_input_usd_per_mtok=0.0)
    assert free.cost_usd(1000, 0, 1000) == 0.0  # 0 is a price, and nothing said is none


def test_a_price_alone_is_flat_and_a_half_price_is_none():
    assert Model(usd_per_request=0.02).cost_usd(math.nan, math.nan) == 0.02
    assert math.isnan(Model(usd_per_request=0.02, input_usd_per_mtok=1.0).cost_usd(10, 10))
    assert math.isnan(Model(input_usd_per_mtok=1.0).cost_usd(10, 10))
    assert math.isnan(Model().cost_usd(10, 10))


TIERED = Model(
    input_usd_per_mtok=1.0,
    output_usd_per_mtok=4.0,
    tiers=(
        ContextTier(above_tokens=100, input_usd_per_mtok=2.0),
        ContextTier(above_tokens=1000, output_usd_per_mtok=8.0),
    ),
    services={
        "batch": ServicePrices(
            input_usd_per_mtok=0.5,
            tiers=(ContextTier(above_tokens=500, input_usd_per_mtok=0.75),),
        )
    },
    dated=(
        DatedPrices(from_day=date(2026, 6, 1), input_usd_per_mtok=3.0, output_usd_per_mtok=6.0),
        DatedPrices(from_day=date(2026, 9, 1), usd_per_request=0.5),
    ),
)
MAY, JUNE = date(2026, 5, 31), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("prompt", "service", "day", "prices"),
    [
        (100, "", MAY, (1.0, 4.0)),
        (101, "", MAY, (2.0, 4.0)),
        (1001, "default", MAY, (2.0, 8.0)),
        (101, "batch", MAY, (0.5, 4.0)),  # the service goes before the tier
        (501, "batch", MAY, (0.75, 4.0)),
        (1001, "batch", MAY, (0.75, 8.0)),
        (1001, "turbo", MAY, (2.0, 8.0)),  # not listed: charged as usual
        (1001, "batch", JUNE, (3.0, 6.0)),  # a day's prices are all there are
    ],
)
def test_tiers_services_and_days(prompt, service, day, prices):
    usd = (prompt * prices[0] + 7 * prices[1]) / MILLION
    assert TIERED.cost_usd(prompt, 7, service=service, day=day) == usd
    assert TIERED.on(day).cost_usd(prompt, 7, service=service) == usd


def test_without_a_day_the_latest_prices_hold():
    assert TIERED.cost_usd(5, 5) == 0.5
    assert TIERED.serves("batch", MAY)
    assert not TIERED.serves("batch", JUNE)


PRICE = st.one_of(st.none(), st.floats(0, 100))


@st.composite
def models(draw):
    def rates():
        names = ("cached_input", "cache_write", "cache_write_1h", "reasoning")
        found = {f"{it}_usd_per_mtok": draw(PRICE) for it in names}
        return found | {it: draw(st.floats(0, 100)) for it in ("input_usd_per_mtok",)}

    def tiers():
        above = draw(st.lists(st.integers(1, 300), unique=True, max_size=2))
        return tuple(ContextTier(above_tokens=at, **rates()) for at in above)

    return Model(
        output_usd_per_mtok=draw(st.floats(0, 100)),
        usd_per_request=draw(st.floats(0, 1)),
        tiers=tiers(),
        services={"flex": ServicePrices(tiers=tiers(), **rates())},
        dated=(DatedPrices(from_day=JUNE, output_usd_per_mtok=1.0, tiers=tiers(), **rates()),),
        **rates(),
    )


@st.composite
def usages(draw):
    prompt, completion = draw(st.integers(0, 400)), draw(st.integers(0, 400))
    cached = draw(st.integers(0, prompt))
    write = draw(st.integers(0, prompt - cached))
    parts = (cached, draw(st.integers(0, completion)), write, draw(st.integers(0, write)))
    return TokenUsage(prompt, completion, *parts)


@given(models(), st.lists(usages(), min_size=1, max_size=6), st.data())
def test_logs_and_the_runtime_make_the_same_sum_to_the_last_bit(model, used, data):
    n = len(used)
    services = data.draw(st.lists(st.sampled_from(("", "flex", "odd")), min_size=n, max_size=n))
    days = data.draw(st.lists(st.sampled_from((MAY, JUNE)), min_size=n, max_size=n))
    time_s = np.array([(it - date(1970, 1, 1)).days * 86400.0 + 5 for it in days])
    arrays = TokenUsage(*np.array(used, dtype=np.float64).T)
    found = costs(model, arrays, services, time_s)
    one_by_one = [
        model.cost_usd(*map(float, it), service=service, day=day)
        for it, service, day in zip(used, services, days, strict=True)
    ]
    assert found.tolist() == one_by_one


@given(models(), usages(), st.sampled_from(("", "flex")), st.sampled_from((MAY, JUNE)))
def test_no_call_costs_more_than_its_upper_bound(model, used, service, day):
    highest = dearest(model.sheet(day), ("", "flex"), 400.0)
    bound = upper_tokens_usd(highest, 400.0, 400.0)
    assert model.cost_usd(*used, service=service, day=day) <= bound * (1 + 1e-12)


def test_everything_wrong_with_prices_is_told_at_once():
    with pytest.raises(CatalogueError) as caught:
        catalogue_file.parse(
            """
[models.a]
input_usd_per_mtok = -1.0
cache_write_usd_per_mtok = inf
services.batches.input_usd_per_mtok = 1.0
services.flex.output_usd_per_mtok = nan
tiers = [{ above_tokens = 10 }, { above_tokens = 10 }, { above_tokens = 0 }]
dated = [
    { from = 2026-10-14, tiers = [{ above_tokens = 5, input_usd_per_mtok = -2.0 }] },
    { from = 2026-10-14 },
]

[models.b]
dated = [{ from = "soon" }]
""",
            "models.toml",
        )
    assert caught.value.problems == (
        "models.toml: models.b: dated 1: from is 'soon'; write a day such as 2026-10-14,"
        " without quotes",
        "models.toml: models.a: input_usd_per_mtok is -1.0; a price is finite and not negative",
        "models.toml: models.a: cache_write_usd_per_mtok is inf; a price is finite and not"
        " negative",
        "models.toml: models.a: 2 tiers above 10 tokens overlap; keep one",
        "models.toml: models.a: a tier above 0 tokens; it is above a positive number of them",
        "models.toml: models.a: services.batches: write 'batch', or a name less like it",
        "models.toml: models.a: services.flex: output_usd_per_mtok is nan; a price is finite and"
        " not negative",
        "models.toml: models.a: dated: 2 prices from 2026-10-14; keep one of each day",
        "models.toml: models.a: dated from 2026-10-14: tier above 5: input_usd_per_mtok is -2.0;"
        " a price is finite and not negative",
    )


@given(models())
def test_what_is_written_as_a_catalogue_reads_back_as_it_was(model):
    names = ('odd "name".\\1@x', "plain")
    found = catalogue_file.parse(catalogue_file.text(dict.fromkeys(names, model)), "x.toml")
    assert found.models == dict.fromkeys(names, model)
