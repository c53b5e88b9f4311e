"""Text from anywhere is text in Markdown, and reads as it was written."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from routelab.core.messages import markdown_text

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@settings(max_examples=400, derandomize=True)
@given(st.text(st.sampled_from("[]()!:^x1_*`~<>&#|+-=.\\/ "), max_size=24))
@example("[x](http://evil.test)")
@example("![x](http://evil.test)")
@example("[x]: http://evil.test")
@example("- [x] done")
def test_nothing_is_read_as_markup(text):
    tokens = READER.parse(markdown_text(text))
    if not text.split():
        assert tokens == []
        return
    begin, inline, end = tokens
    assert (begin.type, end.type) == ("paragraph_open", "paragraph_close")
    assert {it.type for it in inline.children} <= {"text", "text_special"}
    assert "".join(it.content for it in inline.children) == " ".join(text.split())


@pytest.mark.parametrize(
    "name",
    ["math[hard]", "gpt-x@high", "usd_per_1k", "0.31 [0.29, 0.33]", "[-0.1, 0.2]", "-0.5", "c#"],
)
def test_what_is_no_markup_reads_as_it_was_written(name):
    assert markdown_text(name) == name
