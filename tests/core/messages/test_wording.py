"""Numbers and lists as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.messages import brief, value_text, wording

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


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


class _Unshown:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, "b", None]}, "{'a': [1, 'b', None]}"),
        ("x" * 200, "'" + "x" * 79),
        (_Unshown(), "a _Unshown"),
        ([_Unshown()], "a list"),
        ((1, 2), "(1, 2)"),
    ],
)
def test_any_value_is_shown_in_few_characters(value, shown):
    assert value_text(value) == shown


def test_a_number_that_python_does_not_write_out_is_named():
    assert value_text(10**5_000) == "a int"


def test_what_is_deep_or_goes_in_a_circle_is_shown_to_where_there_is_room():
    circle = []
    circle.append(circle)
    assert value_text(circle) == "[" * 80


@given(JSON, st.integers(1, 60))
def test_a_brief_value_is_the_beginning_of_what_it_is(value, most):
    assert brief(value, most) == repr(value)[:most]


def test_little_is_looked_at_of_a_large_value():
    class Counted(list):
        seen = 0

        def __iter__(self):
            for it in super().__iter__():
                Counted.seen += 1
                yield it

    assert len(brief(Counted(range(10**6)), 100)) == 100
    assert Counted.seen < 100
