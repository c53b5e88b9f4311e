"""Redaction in a gateway: of what is logged always, of what is sent where it is asked for."""

from __future__ import annotations

import json
import logging

import pytest
from serve_world import asking, decisions, listed, running, saved

from routelab.core.catalogue import pointed_at
from routelab.errors import RoutelabError
from routelab.policies import Fixed
from routelab.runtime import Reply
from routelab.runtime.redaction import DEFAULTS, load_redactor
from routelab.serve import EventLog, RedactionRules, ServeConfig, Service
from routelab.serve.event_log import EventHandler

TOLD = "I am ann@example.org, card 4111 1111 1111 1111, call +49 30 1234567"
KEPT = "I am [mail], card [card], call [phone]"


class Parrot:
    """Says what it was sent, and fails with it where it is told to."""

    def __init__(self):
        self.bodies = []

    async def send(self, outgoing):
        self.bodies.append(outgoing.body)
        content = outgoing.body["messages"][-1]["content"]
        if content.startswith("fail"):
            return Reply(400, {"error": {"message": f"refused: {content}"}})
        message = {"role": "assistant", "content": content}
        return Reply(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def hide(self, deployment, text):
        return text


@pytest.fixture
def files(tmp_path):
    known = pointed_at("http://127.0.0.1:9/v1", ["a"])
    policy = saved(tmp_path / "one.policy", Fixed("a"), known)
    return [policy], listed(tmp_path / "models.toml", known)


def test_logs_are_redacted_and_what_is_sent_is_not_unless_asked(files, tmp_path):
    parrot = Parrot()
    config = ServeConfig(log=str(tmp_path / "log"), log_texts=True, log_requests=True)
    with running(*files, config, upstream=parrot) as gateway:
        reply = gateway.chat(asking(TOLD, user="ann@example.org"))
        assert gateway.chat(asking(f"fail {TOLD}")).status_code == 400
        status = gateway.client.get("/status").text
    assert parrot.bodies[0]["messages"][-1]["content"] == TOLD
    assert parrot.bodies[0]["user"] == "ann@example.org"
    assert reply.json()["choices"][0]["message"]["content"] == TOLD
    first, failed = decisions(tmp_path / "log")
    assert first["messages"][-1]["content"] == first["steps"][0]["response"] == KEPT
    assert KEPT in failed["error"]
    for text in (json.dumps([first, failed]), json.dumps(gateway.events), status):
        for secret in ("ann@", "4111", "1234567"):
            assert secret not in text


def test_what_is_sent_is_redacted_where_that_is_asked_for(files):
    parrot = Parrot()
    config = ServeConfig(redaction=RedactionRules(send=("mail", "card", "phone")))
    with running(*files, config, upstream=parrot) as gateway:
        more = {"user": "ann@example.org", "metadata": {"who": "ann@example.org"}}
        reply = gateway.chat(asking(TOLD, **more))
        gateway.chat({"messages": TOLD})
    first, second = parrot.bodies
    assert first["messages"][-1]["content"] == second["messages"][-1]["content"] == KEPT
    assert (first["user"], first["metadata"]) == ("[mail]", {"who": "[mail]"})
    assert reply.json()["choices"][0]["message"]["content"] == KEPT


def _broken(text):
    raise ValueError(text)


def test_where_a_redaction_fails_nothing_is_sent(files, monkeypatch):
    monkeypatch.setitem(DEFAULTS, "mail", _broken)
    parrot = Parrot()
    config = ServeConfig(redaction=RedactionRules(send=("mail",)))
    with running(*files, config, upstream=parrot) as gateway:
        reply = gateway.chat(asking(TOLD))
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "redaction_failed")
    assert parrot.bodies == []
    assert "ann" not in reply.text
    assert "ann@" not in json.dumps(gateway.events)


def test_redactions_that_are_not_there_fail_the_start_together(files):
    config = ServeConfig(redaction=RedactionRules(log=("mial",), send=("no.such:thing",)))
    with pytest.raises(RoutelabError) as told:
        Service(*files, config)
    assert "'mial'" in str(told.value)
    assert "'no.such:thing'" in str(told.value)


def test_events_hold_no_key_and_loggers_write_events(monkeypatch):
    monkeypatch.setenv("PROVIDER_KEY", "sk-0123456789")
    lines = []
    events = EventLog(write=lines.append, wall_clock=lambda: 1.0, redactor=load_redactor(["mail"]))
    events.keep_out(["PROVIDER_KEY", "NOT_SET"])
    caller = "rl-" + "x" * 43
    events.event("odd", message=f"sk-0123456789 {caller} ann@example.org", id="ann@example.org")
    assert json.loads(lines.pop()) == {
        "time_s": 1.0, "level": "info", "event": "odd", "id": "ann@example.org",
        "message": "*** rl-*** [mail]",
    }  # fmt: skip
    logger = logging.Logger("some.library")
    logger.addHandler(EventHandler(events))
    try:
        raise ValueError("of ann@example.org")
    except ValueError:
        logger.exception("it broke for %s", "bob@example.org")
    logger.warning("half: %s %s", "one")  # a mistake of the library's own
    told = json.loads(lines[0])
    assert (told["event"], told["level"], told["logger"]) == ("log", "error", "some.library")
    assert told["message"] == "it broke for [mail]"
    assert "ValueError: of [mail]" in told["trace"]
    assert all(line.count("\n") == 1 for line in lines)
