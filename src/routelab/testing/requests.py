"""Requests and answers that are awkward on purpose."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from routelab.core import Feedback, Request

MODELS = ("small", "large")

NASTY = (
    "",
    " \t\r\n\x0b\x00\x85\u2028",
    "\ud800 lone \udfff\ud800",
    "İSTANBUL ǅ ß ﬁ \u0130" * 40,
    "中文字符和 English смешанный نص עברית हिन्दी ไทย 한국어",
    "e\u0301" * 3000,
    "word " * 4000,
    "```python\ndef f(x):\n    return {x: 1};\n```\n| a | b |\n1. one\n- two\n",
    "\U0001f600" * 50,
    "a" * 20_000,
    "∑∫≤ x² + y² = z²; \\frac{1}{2} $5",
)

texts = st.sampled_from(NASTY) | st.text(st.characters(), max_size=60)
parts = st.fixed_dictionaries({"type": st.just("text"), "text": texts}) | st.sampled_from(
    [{"type": "image_url", "image_url": {"url": "data:,"}}, {"text": None}, "loose", 3, None]
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "system", "assistant", "developer", "tool"]),
    texts | st.none() | st.lists(parts, max_size=3),
)
requests = st.builds(
    Request,
    id=st.just("r"),
    messages=st.lists(messages, max_size=3).map(tuple),
    task=st.sampled_from(["", "maths", "code", "new"]),
    tenant=st.sampled_from(["", "acme"]),
    needs=st.sampled_from([(), ("tools",), ("json", "vision")]),
)
answers = st.builds(
    Feedback,
    model=st.sampled_from([*MODELS, "unknown"]),
    signals=st.dictionaries(
        st.sampled_from(["sure", "margin", "other"]), st.floats(allow_nan=True), max_size=3
    ),
    completion_tokens=st.sampled_from([math.nan, 0.0, 1.0, 250.0, 1e9]),
)


def asked(prompt: str, **fields: Any) -> Request:
    """A request with this prompt."""
    return Request("r", ({"role": "user", "content": prompt},), **fields)
