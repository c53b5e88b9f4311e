"""Redaction: what identifies people goes, what does not stays, and no text takes long."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core import Attempt, Call, Feedback, Request, Step
from routelab.errors import ConfigError
from routelab.runtime import DecisionLog, FinishedRequest
from routelab.runtime.redaction import (
    DEFAULTS,
    FAILED,
    RedactionError,
    Redactor,
    load_redactor,
    redacted_cards,
    redacted_mails,
    redacted_phones,
)

ALL = load_redactor(tuple(DEFAULTS))


def checked(digits: str) -> str:
    """With the digit that makes a card number of it; worked out digit by digit."""
    total = 0
    for at, letter in enumerate(reversed(digits)):
        value = int(letter) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def grouped(digits: str, size: int, sign: str) -> str:
    return sign.join(digits[at : at + size] for at in range(0, len(digits), size))


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.org", "a.b+c@mail.example.co.uk", "O'Neil_1@x-y.de", "jörg@bücher.example",
        "root@[10.0.0.1]", "x" * 500 + "@example.org",
    ],
)  # fmt: skip
def test_mail_addresses_go(text):
    assert redacted_mails(f"To <{text}>, please.") == "To <[mail]>, please."
    assert redacted_mails(f"{text}.") == "[mail]."


@pytest.mark.parametrize("text", ["a@b", "@alice and @bob.smith", "a @ b.org", "x@", "1@2", "@@.@"])
def test_what_is_no_mail_address_stays(text):
    assert redacted_mails(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "+49 30 1234567", "+49 (0)30 123-4567", "+14155550132", "0049 30 1234567",
        "+1 (415) 555-0132", "(415) 555-0132", "415-555-0132", "415.555.0132",
        "1-800-555-0199", "(030) 1234567",
        "0171/1234567", "030 123 45 67", "01 23 45 67 89", "01.23.45.67.89", "01711234567",
        "+33\u00a01\u00a023\u00a045\u00a067\u00a089",
    ],
)  # fmt: skip
def test_phone_numbers_go(text):
    assert redacted_phones(f"Call {text}!") == "Call [phone]!"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24", "01.02.2026", "01-02-2026", "24/11/2026", "16:45:33", "1796057083.96",
        "3.14159265358979", "192.168.100.200:8080", "10,000,000", "v1.2.3", "0.0123456789",
        "550e8400-e29b-41d4-a716-446655440000", "1234567", "007", "1 + 2 = 3", "2 + 12345678",
        "978-3-16-148410-0", "12345678901234567890", "+" + "1" * 40,
    ],
)  # fmt: skip
def test_other_numbers_stay(text):
    assert redacted_phones(f"It is {text}, say.") == f"It is {text}, say."


@given(
    st.integers(2, 6),
    st.text("0123456789", min_size=11, max_size=17),
    st.sampled_from([("", 99), (" ", 4), ("-", 4), (" ", 1), ("\u00a0", 4), (".", 5)]),
)
@settings(deadline=None, max_examples=200)
def test_card_numbers_go_and_those_with_a_wrong_digit_stay(first, rest, form):
    sign, size = form
    number = checked(f"{first}{rest}")
    shown = grouped(number, size, sign)
    if 2 not in {len(it) for it in shown.split(sign or "x")}:
        assert redacted_cards(f"Paid with {shown}, today") == "Paid with [card], today"
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert redacted_cards(f"Paid with {wrong}, today") == f"Paid with {wrong}, today"


def test_numbers_that_only_look_like_cards_stay():
    for text in ("0" * 16, "1000000000000000", "2026-11-24 164554", "20261124 16 45 54 12"):
        assert redacted_cards(text) == text
    within = "9" * 5 + checked("411111111111111") + "9" * 5
    assert redacted_cards(within) == within  # a longer number is another number
    assert redacted_cards("12 4111 1111 1111 1111") == "12 [card]"
    two = " ".join([grouped(checked("411111111111111"), 4, " ")] * 2)
    assert redacted_cards(two) == "[card] [card]"


@given(st.text(max_size=300))
@settings(deadline=None, max_examples=300)
def test_whatever_the_text_a_second_time_changes_nothing_more(text):
    once = ALL.text(text)
    assert ALL.text(once) == once


HOSTILE = (
    "a", "a@", "a.", "@", "1 ", "4", "4 1 1 1 ", "+1", "0", "00 ", "(0", "+1(((1(((", "a@b.", "01-",
    "\u00e9@", "1-800-", "4111 1111 1111 1111 ", "a@b.c ", "(((", "+++", "'`{|}~",
)  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_text_and_no_faster(piece):
    """Of eight times the text; squares would be 64 times as long. Best of five."""

    def seconds(chars: int) -> float:
        text = piece * (chars // len(piece))
        best = np.inf
        for _ in range(5):
            began = time.process_time()
            ALL.text(text)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(320_000) <= 30.0 * max(seconds(40_000), 2e-3)


def test_hooks_are_functions_of_modules_and_entry_points(tmp_path, monkeypatch):
    (tmp_path / "house_redactions.py").write_text(
        "def staff(text):\n    return text.replace('Ann', '[staff]')\n"
        "class Rules:\n    @staticmethod\n"
        "    def desk(text):\n        return text.replace('desk', '')\n"
        "number = 7\n",
        encoding="utf-8",
    )
    info = tmp_path / "house-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[routelab.redactions]\nhouse = house_redactions:staff\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    redactor = load_redactor(["house", "house_redactions:Rules.desk", "mail"])
    assert redactor.text("Ann at desk 4: ann@example.org") == "[staff] at  4: [mail]"
    assert redactor.names == ("mail", "house", "house_redactions:Rules.desk")
    with pytest.raises(ConfigError) as told:
        load_redactor(["mial", "nothing:there", "house_redactions:gone", "house_redactions:number"])
    first, *others = told.value.problems
    assert "'mial'" in first
    assert "mail" in first
    assert [it.split("'")[1] for it in others] == [
        "nothing:there", "house_redactions:gone", "house_redactions:number",
    ]  # fmt: skip
    sys.modules.pop("house_redactions")


def _raises(text):
    raise ValueError(text)


def test_what_a_hook_breaks_on_is_neither_logged_nor_sent(caplog):
    broken = Redactor({"broken": _raises})
    assert broken.logged("a secret") == FAILED
    assert broken.logged("a secret") == FAILED
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text
    with pytest.raises(RedactionError, match="'broken': ValueError") as told:
        broken.text("a secret")
    assert "secret" not in str(told.value)
    with pytest.raises(RedactionError, match="gave int, no text"):
        Redactor({"odd": lambda _: 7}).text("x")


def test_messages_lose_texts_and_keep_their_form():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,4111111111111111"}}
    messages = [
        {"role": "user", "name": "a@b.org", "content": "mail a@b.org"},
        {"role": "user", "content": [{"type": "text", "text": "call +49 30 1234567"}, picture]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a@b.org", "type": "function",
                 "function": {"name": "pay", "arguments": '{"card": "4111 1111 1111 1111"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "x", "content": "paid by a@b.org"},
    ]  # fmt: skip
    before = json.dumps(messages)
    found = ALL.messages(messages)
    assert json.dumps(messages) == before
    assert found[0] == {"role": "user", "name": "a@b.org", "content": "mail [mail]"}
    assert found[1]["content"] == [{"type": "text", "text": "call [phone]"}, picture]
    (call,) = found[2]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"card": "[card]"}
    assert call["id"] == "a@b.org"
    assert found[3]["content"] == "paid by [mail]"


def test_a_decision_log_holds_redacted_texts_and_whole_ids(tmp_path):
    words = "ann@example.org said no"
    attempt = Attempt("m", "m at x", error=words)
    call = Feedback(
        "m", error=words, text=words, notes=(words,), rejected=(words,), attempts=(attempt,)
    )
    finished = FinishedRequest(
        request=Request(id="ann@example.org", tenant="t@example.org").saying(
            [{"role": "user", "content": words}]
        ),
        policy="p", status="failed", timestamp_s=1.0, latency_s=1.0, cost_usd=0.0,
        steps=(Step(Call("m"), call),), error=words,
    )  # fmt: skip
    log = DecisionLog(tmp_path, texts=True, redactor=ALL)
    log.write(finished)
    log.close()
    (path,) = tmp_path.glob("*.jsonl")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["request_id"], record["tenant"]) == ("ann@example.org", "t@example.org")
    said = "[mail] said no"
    (step,) = record["steps"]
    assert record["error"] == step["error"] == step["response"] == said
    assert step["notes"] == step["rejected"] == [said]
    assert step["attempts"][0]["error"] == said
    assert record["messages"] == [{"role": "user", "content": said}]
