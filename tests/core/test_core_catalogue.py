"""The models that can be called, and what a catalogue file may say of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.catalogue import Catalogue, Model
from routelab.core.catalogue_file import parse
from routelab.errors import CatalogueError

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
    "[models.a]\ndeployments = [{base_url = 'ftp://x', model = 'm'}]": "ftp://x",
    "[models.a]\ndeployments = [{base_url = 'http://x', model = 'm'},"
    " {base_url = 'http://x', model = 'm'}]": "listed twice",
}


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


def test_all_problems_are_told_at_once():
    text = (
        "[models.a]\ninput_usd_per_mtok = -1\ncontext_window = -2\n[models.b]\ncontext_window = 0"
    )
    with pytest.raises(CatalogueError) as caught:
        parse(text, "m.toml")
    assert len(caught.value.problems) == 3


abilities = st.none() | st.frozensets(st.sampled_from("xyz")).map(lambda s: tuple(sorted(s)))


@given(st.dictionaries(st.sampled_from("abcd"), abilities), st.frozensets(st.sampled_from("xyz")))
def test_a_model_is_allowed_if_it_has_every_need_or_no_known_limit(able, needs):
    catalogue = Catalogue({name: Model(capabilities=has) for name, has in able.items()})
    allowed = catalogue.allowed("abcd", needs)
    for name in "abcd":
        has = able.get(name)
        assert (name in allowed) == (has is None or needs <= set(has))
        assert (f"{name} lacks" in catalogue.why_not("abcd", needs)) == (name not in allowed)
