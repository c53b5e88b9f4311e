"""Redaction of what is kept of deliveries: logs hold nobody's address, and what is delivered does
unless it is asked otherwise."""

from __future__ import annotations

import json
import sqlite3
import time

import pytest
from serve_world import MODELS, asking, listed, running, saved

from routelab.core.catalogue import pointed_at
from routelab.policies import Fixed
from routelab.runtime import Reply
from routelab.runtime.redaction import load_redactor
from routelab.serve import RedactionRules, ServeConfig
from routelab.serve.delivery import OutcomeRedaction, answered, failed
from routelab.serve.delivery.outcome import unpacked
from routelab.serve.settings import DeliveryRule, DeliveryRules, DestinationRule

MAIL, CARD = "ann@example.org", "4111 1111 1111 1111"
TEXT = f"write to {MAIL}"


class Writes:
    """An endpoint whose answers name somebody."""

    async def send(self, outgoing):
        message = {"role": "assistant", "content": TEXT}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        return Reply(200, {"choices": [choice], "usage": usage})

    def hide(self, deployment, text):
        return text


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redacted")
    known = pointed_at("http://127.0.0.1:9/v1", MODELS)
    policy = saved(folder / "small.policy", Fixed("small-8b"), known)
    return policy, listed(folder / "models.toml", known)


def delivered(files, folder, redaction, **to):
    """Ask once: the answer, what was kept of it, notes, and dead letters, once all is over."""
    folder.mkdir(exist_ok=True)
    rules = DeliveryRules(
        log=str(folder / "d.sqlite"), dead_letters=str(folder / "dead.jsonl"), tries=1, to=to,
        rule=(DeliveryRule(to=tuple(to)),), allow=("127.0.0.1",),
    )  # fmt: skip
    config = ServeConfig(redaction=redaction, delivery=rules)
    with running([files[0]], files[1], config, upstream=Writes()) as gateway:
        reply = gateway.chat(asking("Who?", task="mail")).json()
        with sqlite3.connect(folder / "d.sqlite") as log:
            while log.execute("SELECT 1 FROM deliveries WHERE state = 'due'").fetchone():
                time.sleep(0.01)
            ((content,),) = log.execute("SELECT outcome FROM answers").fetchall()
            notes = [note for (note,) in log.execute("SELECT note FROM deliveries")]
        log.close()
    dead = folder / "dead.jsonl"
    return reply, unpacked(content), notes, dead.read_text() if dead.exists() else ""


def said(body):
    return body["choices"][0]["message"]["content"]


def test_an_answer_that_has_arrived_is_logged_without_addresses(files, tmp_path):
    file = tmp_path / "answers.jsonl"
    reply, kept, *_ = delivered(
        files, tmp_path / "a", RedactionRules(), audit=DestinationRule(file=str(file))
    )
    assert said(reply) == TEXT
    assert said(json.loads(file.read_text())["data"]["body"]) == TEXT  # as it was given
    assert said(json.loads(kept.content)) == "write to [mail]"
    assert json.loads(kept.content)["routelab"] == reply["routelab"]
    assert kept.id == reply["routelab"]["decision"]


def test_what_is_delivered_is_redacted_where_that_is_asked(files, tmp_path):
    file = tmp_path / "answers.jsonl"
    rules = RedactionRules(deliver=("mail",))
    reply, kept, *_ = delivered(files, tmp_path / "a", rules, audit=DestinationRule(file=str(file)))
    assert said(reply) == TEXT  # whoever asked has the answer
    assert said(json.loads(file.read_text())["data"]["body"]) == "write to [mail]"
    assert said(json.loads(kept.content)) == "write to [mail]"


def test_why_it_did_not_arrive_is_logged_without_addresses_and_the_letter_can_be_sent(
    files, tmp_path
):
    gone = tmp_path / MAIL / "answers.jsonl"  # there is no such folder
    to = {"audit": DestinationRule(file=str(gone))}
    _, kept, notes, dead = delivered(files, tmp_path / "a", RedactionRules(), **to)
    assert "[mail]" in notes[0]
    assert MAIL not in notes[0]
    letter = json.loads(dead)
    assert MAIL not in letter["reason"]
    assert said(json.loads(kept.content)) == "write to [mail]"  # the letter is what is sent again
    *_, dead = delivered(files, tmp_path / "b", RedactionRules(deliver=("mail",)), **to)
    assert MAIL not in dead
    *_, notes, dead = delivered(files, tmp_path / "c", RedactionRules(log=()), **to)
    assert MAIL in notes[0]
    assert MAIL in json.loads(dead)["reason"]


def test_only_texts_are_redacted_and_a_redaction_that_fails_lets_nothing_through():
    about = {"id": MAIL, "entry": "chat", "at_s": 1.0, "tenant": MAIL}
    redaction = OutcomeRedaction(load_redactor(["mail", "card"]), load_redactor(["mail"]))
    refused = failed({"error": {"message": f"{MAIL} {CARD}", "code": "a"}}, 502, "a", **about)
    assert json.loads(redaction.kept(refused).content)["error"] == {
        "message": "[mail] [card]", "code": "a",
    }  # fmt: skip
    assert json.loads(redaction.sent(refused).content)["error"]["message"] == f"[mail] {CARD}"
    assert redaction.kept(refused).tenant == MAIL
    tool = {"id": "1", "type": "function", "function": {"name": "f", "arguments": f'"{MAIL}"'}}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [tool]}}
    kept = json.loads(redaction.kept(answered({"choices": [choice]}, "m", **about)).content)
    assert kept["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '"[mail]"'
    assert OutcomeRedaction().sent(refused) is refused
    assert OutcomeRedaction().reason(MAIL) == MAIL
