"""What is read of messages, and which texts are conversations."""

from __future__ import annotations

import json

import pytest

from routelab.core import Request
from routelab.core.conversation import (
    READS,
    checked_messages,
    conversation,
    key_text,
    kinds_of,
    kinds_read,
    message_text,
    messages_in,
    oddities,
    opening,
    read_messages,
)

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.invalid/cat.png"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
TALK = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who is this?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
    {"role": "assistant", "content": "A cat."},
    {"role": "user", "content": [{"type": "text", "text": "And here? "}, IMAGE]},
    {"role": "user", "content": "Say it."},
)
READ = {
    "last_turn": "And here? [image]\nSay it.",
    "last_turn+system": "Be brief.\nAnd here? [image]\nSay it.",
    "user_turns": "Who is this?\nAnd here? [image]\nSay it.",
    "user_turns+system": "Be brief.\nWho is this?\nAnd here? [image]\nSay it.",
    "conversation": "Who is this?\n\na cat\nA cat.\nAnd here? [image]\nSay it.",
    "conversation+system": "Be brief.\nWho is this?\n\na cat\nA cat.\nAnd here? [image]\nSay it.",
}


def test_every_way_of_reading_is_tried_here():
    assert tuple(READ) == READS


@pytest.mark.parametrize("reads", READS)
def test_what_is_read_of_a_conversation(reads):
    assert message_text(read_messages(TALK, reads)) == READ[reads]


@pytest.mark.parametrize("reads", READS)
def test_a_prompt_is_read_the_same_in_every_way(reads):
    prompt = ({"role": "user", "content": "Who is this?"},)
    assert read_messages(prompt, reads) == prompt


def test_without_a_way_every_message_is_read_as_it_is():
    assert read_messages(TALK, None) is TALK
    assert "[image]" not in message_text(TALK)  # policies of 0.1.0 saw nothing of images


def test_a_request_keeps_all_its_messages_whatever_is_read_of_them():
    read = Request("r", TALK).reading("last_turn")
    assert read.messages == TALK
    assert message_text(read.read) == READ["last_turn"]
    assert read.reading("conversation") is read  # what is read is settled once


def test_a_constant_system_prompt_changes_nothing_of_the_default():
    asked = ({"role": "user", "content": "Hello"},)
    with_system = ({"role": "system", "content": "x" * 330}, *asked)
    assert read_messages(with_system, "user_turns") == asked


def test_kinds_of_messages():
    assert kinds_of(({"role": "user", "content": "Hello"},)) == frozenset()
    assert kinds_of(({"role": "user", "content": [{"type": "text", "text": "Hello"}]},)) == set()
    talk = {"several turns", "system text", "earlier answers", "tools", "image"}
    assert kinds_of(TALK) == talk
    assert kinds_read(talk, "last_turn") == {"tools", "image"}
    assert kinds_read(talk, "user_turns+system") == talk - {"earlier answers"}
    assert kinds_read(talk, None) == talk


def test_turns_of_one_conversation_open_alike():
    assert opening(TALK) == opening(TALK[:2])
    assert message_text(opening(TALK)) == "Who is this?"


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"messages": it}])
def test_a_text_that_holds_a_conversation_is_read_as_one(wrap):
    assert conversation(json.dumps(wrap(list(TALK)))) == TALK
    assert messages_in(json.dumps(wrap(list(TALK)))) == TALK


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "",
        "[1, 2]",
        '{"role": "x", "content": 1}',
        '[{"role": "human", "content": "hi"}]',
        '[{"role": "user", "content": "cut o',
        "[" * 100_000,
        'Rate this: [{"role": "user", "content": "hi"}]',
    ],
)
def test_any_other_text_is_a_prompt(text):
    assert conversation(text) is None
    assert messages_in(text) == ({"role": "user", "content": text},)


def test_python_lists_that_pandas_writes_into_csv_are_read():
    talk = [{"role": "user", "content": "it's"}, {"role": "assistant", "content": None}]
    assert checked_messages(repr(talk)) == tuple(talk)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"role": "user", "content": "cut', "not valid JSON"),
        ("[]", "has no message"),
        ("{}", "no list of messages"),
        ('["hi"]', "message 0 is 'hi'; a message is an object"),
        ('[{"content": "hi"}]', "message 0 has no role"),
        ('[{"from": "human", "value": "hi"}]', "call its 'from' role, and its 'value' content"),
        ('[{"role": "human", "content": "hi"}]', "the role 'human', which is none of .*; write us"),
        ('[{"role": "user", "content": 7}]', "message 0 has content 7; it is a text or a list"),
        ('[{"role": "user", "content": ["hi"]}]', "message 0 has a part 'hi'; a part is an object"),
        ('[{"role": ["user"], "content": "hi"}]', "has the role"),
    ],
)
def test_what_holds_no_messages_says_why(text, why):
    with pytest.raises(ValueError, match=why):
        checked_messages(text)


def test_oddities_are_named():
    user, assistant = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
    tool = {"role": "tool", "tool_call_id": "c9", "content": "x"}
    assert [*oddities(TALK)] == []
    assert "begin with the assistant" in next(oddities((assistant, user)))
    assert "end with the assistant" in next(oddities((user, assistant)))
    assert "tool's result without the call" in next(oddities((user, tool, user)))
    assert "no message of the user" in next(oddities((TALK[0],)))


def test_messages_are_told_apart_whatever_they_hold():
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    odd = ({"role": "user", "content": "half \ud800"}, {"role": "user", "content": "x", "y": deep})
    assert key_text(odd) != key_text(TALK)
    nulls = ({**TALK[1], "name": None},)
    assert key_text(nulls) == key_text(TALK[1:2])
    assert key_text(({"content": "Who is this?", "role": "user"},)) == key_text(TALK[1:2])


def test_long_conversations_and_unknown_roles_are_kinds_of_their_own():
    turn = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert kinds_of(turn * 8) == {"several turns", "earlier answers"}
    assert kinds_of(turn * 9) == {"several turns", "earlier answers", "over 8 turns"}
    assert kinds_read(kinds_of(turn * 9), "last_turn") == set()
    assert kinds_read(kinds_of(turn * 9), "user_turns") == {"several turns", "over 8 turns"}
    odd = [{"role": "critic", "content": "a"}]
    assert kinds_of(odd) == {"unknown roles"}
    assert kinds_read({"unknown roles"}, "last_turn") == {"unknown roles"}
