"""Patterns that may take exponential time are refused, and those that people write are not."""

from __future__ import annotations

import json
import re
import signal

import pytest

from routelab.errors import PolicyError
from routelab.gates import JsonSchema, Pattern
from routelab.gates.backtracking import is_explosive
from routelab.gates.effort import TooLargeError, shared_effort

EXPLOSIVE = {
    r"(a+)+b": "a",
    r"(a*)*b": "a",
    r"(a|a)*b": "a",
    r"^(h|hh|e|el|l|ll|o|hello)+x$": "hello",
    r"^([a-zA-Z0-9._%-]+)+@[a-z]+$": "a",
    r"(\w+\s?)*$!": "a",
    r"(.*a){20}b": "a",
    r"(x+x+)+y": "x",
    r"(a|b|ab)*c": "ab",
    r"^(a?){30}a{30}b$": "a",
    r"(\d+|[0-9])*x": "1",
    r"^(([a-z])+.)+[A-Z]([a-z])+$": "a",
    r"([^,]*,?)*;": "a",
    r"(?i)(a|A|b)+(aa|a)*!x": "a",
}
"""With a text of which many make the pattern explode."""

HARMLESS = (
    r"a+b", r"^(\d+,)*\d+$", r"(\w+\s)*\w+$", r"\A\{.*\}\Z", r"^[A-Z]\w+( [A-Z]\w+)*$",
    r"(?s)<a>.*</a>", r"\b(yes|no)\b", r"(foo|bar)+baz", r"^\s+$", r"^(- .*\n)+$", r"(ab?c)*",
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}", r"\d{4}-\d{2}-\d{2}",
    r"^(?:\|[^|\n]*)+\|$", r"(?>a+)+b", r"(a++)+b", r"[\s\S]*", r"(?i)i('m| am) sorry",
    r"(\[\d+\]\s?)+", r"^(?:(?:\d+)\.\s.*(?:\n|$))+", r"(?=.*\d)(?=.*[a-z]).{8,}", r"(a{1,3}b)*",
    r'"(?:[^"\\]|\\.)*"', r"(?P<q>['\"]).*?(?P=q)", r"(a)(?(1)b|c)", r"(?<!x)y+", "", "[[a]&&b]",
)  # fmt: skip


@pytest.mark.parametrize("regex", EXPLOSIVE)
def test_what_explodes_is_refused(regex):
    assert is_explosive(regex)
    with pytest.raises(PolicyError, match="exponential time"):
        Pattern(regex)


@pytest.mark.parametrize("regex", [it for it in EXPLOSIVE if "?i" not in it])
def test_it_does_explode(regex):
    """The rule is held against the machine that it speaks of."""
    compiled, text = re.compile(regex), EXPLOSIVE[regex] * 400

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeoutError):
            compiled.search(text + "?")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("regex", HARMLESS)
def test_what_people_write_is_not(regex):
    assert not is_explosive(regex)
    Pattern(regex)


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("a{99999999999999}", "is no regex"),
        ("(" * 3000 + ")" * 3000, "is no regex|nested too deep"),
        ("|".join(f"w{it}" for it in range(5000)), "characters"),
        ("ab" * 2000, "too large"),
        ("\\", "is no regex"),
    ],
)
def test_what_cannot_be_searched_is_refused(regex, why):
    with pytest.raises(PolicyError, match=why):
        Pattern(regex)


def test_a_pattern_of_a_schema_is_held_to_the_same():
    for schema in (
        {"type": "string", "pattern": "^(a+)+$"},
        {"patternProperties": {"(a*)*b": {}}},
        {"properties": {"x": {"items": [{"pattern": "("}]}}},
        json.loads('{"items":' * 80 + "{}" + "}" * 80),
    ):
        with pytest.raises(PolicyError, match=r"the schema of a gate"):
            JsonSchema(schema)
    JsonSchema({"type": "string", "pattern": "^a+$", "properties": {"pattern": {"type": "string"}}})


def test_a_pattern_of_too_many_letters_is_said_to_be():
    with pytest.raises(TooLargeError):
        is_explosive("ab" * 2000)


WORDS = "|".join(f"{chr(97 + at % 26)}{chr(97 + at * 7 % 26)}" for at in range(300))


@pytest.mark.parametrize(
    "regex",
    [
        "(" * 90 + "a" + "x)*" * 90,
        f"(?:{WORDS})*x",
        f"[{''.join(map(chr, range(20_000, 25_000)))}]+",
    ],
)
def test_a_pattern_that_takes_long_to_look_at_is_too_large(regex):
    """Each took seconds."""
    with pytest.raises(TooLargeError):
        is_explosive(regex)


def test_all_patterns_of_a_policy_share_what_looking_at_them_may_take():
    simple = [f"a{at}+b" for at in range(20_000)]
    with shared_effort(), pytest.raises(TooLargeError, match="too many patterns"):
        assert not any(map(is_explosive, simple))
    assert not is_explosive(simple[-1])  # by itself it is none too many
