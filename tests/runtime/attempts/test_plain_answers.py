"""The short way of ordinary answers ends where the long way of all others does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from routelab.core.catalogue import Deployment
from routelab.runtime.attempts.classify import classify, is_plain_answer
from routelab.runtime.upstream import Reply

WHERE = Deployment("http://127.0.0.1:9/v1", "north")
ODD = st.sampled_from([None, "", "stop", 0, [], {}, {"message": "no"}, "error", [{}]])


def _any_of(*usual: object) -> st.SearchStrategy[object]:
    return st.sampled_from(usual) | ODD


MESSAGES = st.fixed_dictionaries(
    {"content": _any_of("four", "")},
    optional={"role": st.just("assistant"), "tool_calls": ODD, "refusal": ODD},
)
CHOICES = st.fixed_dictionaries(
    {"message": MESSAGES | ODD},
    optional={
        "finish_reason": _any_of("stop", "length", "tool_calls", "content_filter", "error"),
        "error": ODD,
    },
)
BODIES = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES | ODD, max_size=3) | ODD},
    optional={"error": ODD, "object": _any_of("chat.completion"), "type": ODD},
)


class Body(dict):  # type: ignore[type-arg]
    """The same, in a type that has no short way."""


@given(body=BODIES, asked=st.integers(1, 3))
def test_a_plain_answer_is_one_for_the_long_way_too(body: dict[str, Any], asked: int):
    slow = classify(WHERE, Reply(200, Body(body)), 0.0, asked)
    fast = classify(WHERE, Reply(200, body), 0.0, asked)

    assert (fast.error, fast.kind, fast.failure, fast.status) == (
        slow.error,
        slow.kind,
        slow.failure,
        slow.status,
    )
    if is_plain_answer(body, asked):
        assert slow.error is None


def test_an_ordinary_answer_takes_the_short_way():
    message = {"role": "assistant", "content": "four"}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    assert is_plain_answer(body, 1)
    assert not is_plain_answer(body, 2)
    assert not is_plain_answer({"choices": []}, 1)
