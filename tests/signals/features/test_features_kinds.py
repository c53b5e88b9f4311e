"""What each kind of feature says of texts whose answer is known."""

from __future__ import annotations

import importlib.util
import math
import re
import sys

import numpy as np
import pytest
from features_world import HAS_EMBEDDINGS, TENSORS
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.messages.install_hint import how_to_install
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.errors import MissingExtraError, PolicyError
from routelab.signals.features import NAMES, Answer, Embedding, HashedWords, Numbers
from routelab.signals.features.wordllama import word_table
from routelab.testing.requests import asked

needs_embeddings = pytest.mark.skipif(
    not HAS_EMBEDDINGS, reason=f"wordllama is not installed: {how_to_install('embed')}"
)
word = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1, max_size=8)
some = settings(deadline=None, max_examples=50)


def numbers(request, *names):
    """Counts of a request by name; those that are log1p of a count are whole again."""
    found = dict(zip(NAMES, Numbers().bind({}).row(request)[1], strict=True))
    return [found[name] for name in names]


def counts(request, *names):
    return [round(math.expm1(value), 9) for value in numbers(request, *names)]


def hashed(text, **fields):
    return HashedWords(**fields).bind(TENSORS).vector(asked(text), None)


def same(one, other):
    return one.indices.tobytes() == other.indices.tobytes() and np.array_equal(
        one.values, other.values
    )


def test_counts_are_what_a_reader_counts():
    text = 'Why not 12 + 30?\n- a_b, "c"\n1. one\n| x | y |\n```\nreturn a;\n```\nLAST'
    wanted = {
        "characters": len(text),
        "lines": 7,
        "longest_line": 16,
        "last_line": 4,
        "digits": 5,
        "maths": 1,
        "question_marks": 1,
        "commas": 1,
        "quotes": 2,
        "blanks": 1,
        "code_fences": 2,
        "code_marks": 2,
        "list_marks": 2,
        "table_marks": 3,
        "question_words": 1,
        "negations": 1,
        "turns": 1,
    }
    assert dict(zip(wanted, counts(asked(text), *wanted), strict=True)) == wanted
    assert numbers(asked("one two one TWO"), "diversity") == [0.5]
    assert counts(asked("ab abcd"), "word_length") == [3]


def test_a_conversation_is_told_from_a_prompt():
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    request = Request(
        "r",
        (
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]},
            {"role": "assistant", "content": None},
        ),
        needs=("tools", "json"),
    )
    assert counts(request, "turns", "system_characters", "attachments") == [2, 9, 1]
    assert numbers(request, "wants_tools", "wants_json") == [1.0, 1.0]
    assert counts(request, "characters") == [len("Be brief.\nWhat is this?\n")]


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("", 0),
        ("12 + 30", 0),
        ("ascii", 1),
        ("слово", 1),
        ("слово word", 2),
        ("漢字 かな 한글 é", 4),
    ],
)
def test_scripts_are_counted(text, scripts):
    assert numbers(asked(text), "scripts") == [scripts]


@given(names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True), text=st.text(max_size=80))
@some
def test_some_of_the_numbers_are_those_of_all(names, text):
    chosen = Numbers(names=tuple(names)).bind({}).row(asked(text))[1]
    assert chosen == numbers(asked(text), *names)


@given(found=st.lists(word, min_size=1, max_size=30), tf=st.sampled_from(["log", "raw", "binary"]))
@some
def test_hashed_words_have_length_one_and_ignore_case_and_marks(found, tf):
    vector = hashed(" ".join(found), tf=tf)
    assert math.fsum(vector.values**2) == pytest.approx(1.0)
    assert same(vector, hashed("... ".join(found).upper(), tf=tf))


@given(found=st.lists(word, min_size=2, max_size=6, unique=True))
@some
def test_order_of_words_matters_to_pairs_only(found):
    one, other = hashed(" ".join(found)), hashed(" ".join(reversed(found)))
    shared = np.intersect1d(one.indices, other.indices)
    assert len(shared) >= len({*hashed(found[0]).indices} | {*hashed(found[-1]).indices})
    assert len(one.indices) <= 2 * len(found) - 1


def test_frequent_words_weigh_more_unless_they_are_only_noted():
    text = "yes yes yes no"
    common, rare = (hashed(it).indices[0] for it in ("yes", "no"))
    for tf, ratio in (("raw", 3.0), ("log", 1.0 + math.log(3)), ("binary", 1.0)):
        at = dict(zip(*hashed(text, tf=tf), strict=True))
        assert at[common] / at[rare] == pytest.approx(ratio)


def test_rare_words_weigh_more_by_their_idf():
    at = dict(zip(*hashed("left right", bits=8, idf="idf", tf="binary"), strict=True))
    left, right = (hashed(it, bits=8).indices[0] for it in ("left", "right"))
    assert at[left] / at[right] == pytest.approx(TENSORS["idf"][left] / TENSORS["idf"][right])


def test_an_idf_of_another_size_is_refused():
    with pytest.raises(PolicyError, match=r"'idf' has shape \(256,\); it must be \(512,\)"):
        HashedWords(bits=9, idf="idf").bind(TENSORS)


@given(middle=st.text(max_size=200))
@some
def test_the_middle_of_a_long_text_is_not_read(middle):
    head, tail = "first words of all " * 3, "and the last words of it " * 3
    half = min(len(head), len(tail))
    ends = head[:half], tail[-half:]
    cut = HashedWords(cap=2 * half).bind({})
    far = cut.vector(asked(f"{ends[0]}{middle} {ends[1]}"), None)
    assert same(far, cut.vector(asked(f"{ends[0]}\n{ends[1]}"), None))


def test_characters_of_an_unspaced_script_are_words():
    shared = np.intersect1d(hashed("今天天气").indices, hashed("气今").indices)
    assert len(shared) >= 2


def test_an_answer_is_flagged_where_it_is_not_known():
    bound = Answer(models=("small", "large"), signals=("sure",)).bind({})
    known = Feedback("large", {"sure": 0.25}, completion_tokens=7.0)
    assert bound.row(asked(""), known)[1] == [0.0, 1.0, 0.25, 0.0, math.log1p(7.0), 0.0]
    unknown = Feedback("other", {"sure": math.nan})
    assert bound.row(asked(""), unknown)[1] == [0.0, 0.0, 0.0, 1.0, 0.0, 1.0]
    endless = Feedback("large", {"sure": -math.inf}, completion_tokens=0.0)
    assert bound.row(asked(""), endless)[1] == [0.0, 1.0, -1e6, 0.0, 0.0, 1.0]


@needs_embeddings
def test_an_embedding_is_the_mean_of_the_tables_rows():
    table = word_table()
    text = "How do I sort a list of numbers?"
    ids = table.tokenizer.encode(text, add_special_tokens=False).ids
    mean = table.vectors[ids].astype(np.float64).mean(axis=0)
    vector = Embedding.installed().bind({}).vector(asked(text), None)
    assert vector.values == pytest.approx(mean / np.linalg.norm(mean), abs=1e-12)
    assert "wordllama" not in sys.modules


@needs_embeddings
def test_like_texts_lie_closer_than_unlike_ones():
    bound = Embedding.installed().bind({})
    texts = ("sort a list of numbers", "order an array of integers", "the emperor of Rome died")
    one, like, unlike = (bound.vector(asked(text), None).values for text in texts)
    assert one @ like > one @ unlike


@needs_embeddings
def test_another_table_than_the_one_fitted_with_is_refused():
    installed = Embedding.installed()
    with pytest.raises(PolicyError, match=r"another table .* install that version") as caught:
        Embedding("0" * 64, installed.tokenizer_sha256).bind({})
    assert len(caught.value.problems) == 1
    with pytest.raises(PolicyError, match="dim is 512; the table has 256"):
        Embedding.installed(dim=512).bind({})


def test_without_the_extra_an_embedding_names_it(monkeypatch):
    word_table.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=re.escape(how_to_install("embed"))):
        Embedding("0" * 64, "0" * 64).bind({})
