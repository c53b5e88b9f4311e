"""Numbers and lists as people read them."""

from __future__ import annotations

import math

import pytest

from routelab.core.messages import wording


@pytest.mark.parametrize(("names", "text"), [
    ([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"),
])  # fmt: skip
def test_lists_end_in_and(names, text):
    assert wording.listed(names) == text
    assert wording.listed(names, "or") == text.replace("and", "or")


def test_long_lists_say_how_many_more_there_are():
    assert wording.first(["a", "b"], 2) == "a, b"
    assert wording.first(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert wording.first(["a", "b", "c"], 2, "; ") == "a; b and 1 more"


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_number_that_is_not_there_says_so(value):
    assert wording.known(value, ".2f", " s") == "not observed"
    assert wording.known(value, ".2f", otherwise="-") == "-"


def test_numbers_have_a_form_a_scale_and_a_unit():
    assert wording.number(1234.567) == "1235"
    assert wording.known(0.0, ".2f", " s") == "0.00 s"
    assert wording.with_interval(0.012, (-0.01, 0.03), "+.1f", 100) == "+1.2 [-1.0, +3.0]"


@pytest.mark.parametrize(("n", "text"), [(0, "0 rows"), (1, "1 row"), (2000, "2,000 rows")])
def test_one_thing_has_no_plural(n, text):
    assert wording.counted(n, "row") == text


@pytest.mark.parametrize("value", [-0.0, -1e-9, -0.0004, 0.0004])
def test_what_rounds_to_zero_is_never_a_minus_zero(value):
    assert wording.with_interval(value, (value, -0.5), "+.3f") == "+0.000 [+0.000, -0.500]"
    assert wording.known(value, "+.3f") == "+0.000"
    assert wording.bracketed((value, value), "+.1f", 100) == "[+0.0, +0.0]"
