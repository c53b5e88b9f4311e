"""Settings of queues and deliveries that cannot be: every problem is told, with its way out."""

from __future__ import annotations

import re
import sys

import pytest

from routelab.errors import ConfigError, MissingExtraError
from routelab.serve import read_config
from routelab.serve.queues import message_broker
from routelab.serve.queues.host import without_address
from routelab.serve.settings import QueueRules


def problems_of(folder, text):
    (folder / "serve.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_config(folder / "serve.toml")
    assert all(it.startswith("serve.toml: ") for it in refused.value.problems)
    return "\n".join(refused.value.problems)


def test_every_mistake_of_queues_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    said = problems_of(
        tmp_path,
        """
        [[queue]]
        name = "a"
        broker = "nats"
        url = "redis://user:hunter2@127.0.0.1"
        sources = ["one", "one", "two.>"]
        dead_letters = "one"
        at_once = 0
        lease_s = -1
        tries = 0
        [[queue]]
        name = "a"
        broker = "redis"
        url_env = "NO_SUCH_URL"
        stream = "S"
        sources = []
        results = "x"
        dead_letters = "d"
        tenant = "t"
        tenant_attribute = "tenant"
        at_once = 10
        prefetch = 5
        [[queue]]
        name = "c"
        broker = "kafka"
        sources = ["a"]
        dead_letters = "d"
        """,
    )
    for why in (
        "queue 'a': url begins with redis://; that of nats begins with nats://",
        "queue 'a': sources has 'one', as sources has", "sources has 'two.>'; name one topic",
        "dead_letters has 'one', as sources has", "at_once is 0", "lease_s is -1", "tries is 0",
        "stream is missing; name the stream of JetStream", "there are two of name 'a'",
        "environment variable NO_SUCH_URL is not set", "stream is of JetStream, and broker is",
        "sources is empty", "give tenant, or tenant_attribute, not both",
        "prefetch is 5; it is at least at_once, which is 10",
        "queue 'c': give url, such as 'kafka://127.0.0.1:9092', or url_env",
        "delivery: log is missing",
    ):  # fmt: skip
        assert re.search(re.escape(why), said), (why, said)
    assert "hunter2" not in said


def test_every_mistake_of_deliveries_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SECRET", raising=False)
    monkeypatch.setenv("BAD_SECRET", "hunter2")
    said = problems_of(
        tmp_path,
        """
        [delivery]
        tries = 0
        backoff_s = 0
        allow = ["10.0.0.0/99"]
        [delivery.to.a]
        webhook = "ftp://x"
        secret_env = "BAD_SECRET"
        [delivery.to.b]
        webhook = "https://name:hunter2@example.com/"
        [delivery.to.c]
        file = "a"
        topic = "t"
        [delivery.to.d]
        queue = "jobs"
        topic = "t"
        [delivery.to.e]
        webhook = "https://example.com"
        secret_env = "NO_SECRET"
        [delivery.to.caller]
        file = "x"
        [[delivery.rule]]
        to = ["aa"]
        [[delivery.rule]]
        to = []
        """,
    )
    for why in (
        "tries is 0", "backoff_s is 0", "10.0.0.0/99", "delivery.to.a: webhook is 'ftp://x'",
        "BAD_SECRET holds no secret", "delivery.to.b: webhook has a name or password in it",
        "delivery.to.b: secret_env is missing", "delivery.to.c: file and topic is given",
        "delivery.to.d: queue: no queue 'jobs'", "NO_SECRET is not set",
        "whoever asked is called caller", "delivery.rule 1: to: no destination 'aa'",
        "delivery.rule 2: to is empty", "log is missing", "dead_letters is missing",
    ):  # fmt: skip
        assert re.search(re.escape(why), said), (why, said)
    assert "hunter2" not in said


def test_an_open_webhook_needs_a_network_that_is_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "whsec_" + "QUJD" * 8)
    text = """
    [delivery]
    log = "d"
    dead_letters = "e"
    {allow}
    [delivery.to.a]
    webhook = "http://10.0.0.1/"
    secret_env = "SECRET"
    [[delivery.rule]]
    to = ["a"]
    """
    assert "write https://" in problems_of(tmp_path, text.format(allow=""))
    (tmp_path / "serve.toml").write_text(text.format(allow='allow = ["10.0.0.0/8"]'))
    assert read_config(tmp_path / "serve.toml").delivery.allow == ("10.0.0.0/8",)


def test_a_proxy_over_http_says_nothing_of_messages(tmp_path):
    text = """
    [callers]
    tenant_header = "x-tenant"
    trusted = ["127.0.0.1"]
    [[queue]]
    name = "a"
    broker = "redis"
    url = "redis://x"
    sources = ["a"]
    dead_letters = "d"
    [delivery]
    log = "d"
    """
    assert "no proxy stands before a queue" in problems_of(tmp_path, text)


def test_a_broker_whose_package_is_missing_is_told_with_the_extra(monkeypatch):
    rules = QueueRules(name="a", broker="nats", url="nats://x", stream="S", sources=("s",),
                       dead_letters="d")  # fmt: skip
    for name in [it for it in sys.modules if it.startswith("faststream")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "routelab.serve.queues.nats_broker", raising=False)
    monkeypatch.setitem(sys.modules, "faststream", None)
    with pytest.raises(MissingExtraError, match=r"queue 'a': nats needs faststream: .*\[queue\]"):
        message_broker(rules)


def test_no_password_of_an_address_is_told():
    rules = QueueRules(name="a", broker="rabbitmq", url="amqp://ann:hunter2@host/", sources=("s",),
                       dead_letters="d")  # fmt: skip
    said = without_address("cannot reach amqp://ann:hunter2@host/ (hunter2)", rules)
    assert "hunter2" not in said
