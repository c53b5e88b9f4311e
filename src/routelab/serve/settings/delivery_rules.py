"""`[delivery]` of `serve.toml`: places that answers go to besides their callers, and which do."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from routelab.core.messages import is_number, unknown_name

CALLER = "caller"
"""Whoever asked: over HTTP it is the reply, of a message its reply topic and `results`."""
_SECRET = "whsec_"  # noqa: S105  (what secrets begin with)
_SECRET_BYTES = (24, 64)


class DestinationRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place that answers go to: one of a webhook, a file, and a topic of a queue.

    Attributes:
        webhook: address that answers are posted to.
        secret_env: variable with the secret they are signed with, `whsec_` and 24 to 64 bytes in
            base64; several with blanks between them while one takes the place of another.
        file: that they are appended to, an object of JSON on each line.
        queue: by name, whose broker `topic` is of.
        topic: that they are published to.
    """

    webhook: str = ""
    secret_env: str = ""
    file: str = ""
    queue: str = ""
    topic: str = ""

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Keys of signatures, the newest first.

        Raises:
            ValueError: the variable holds none, or none that can be.
        """
        found = []
        for word in os.environ.get(self.secret_env, "").split():
            try:
                key = base64.b64decode(word.removeprefix(_SECRET), validate=True)
            except binascii.Error:
                key = b""
            least, most = _SECRET_BYTES
            if not word.startswith(_SECRET) or not least <= len(key) <= most:
                raise ValueError(
                    f"the environment variable {self.secret_env} holds no secret: it is {_SECRET}"
                    f" and {least} to {most} bytes in base64 (what it holds is not shown)"
                )
            found.append(key)
        if not found:
            raise ValueError(
                f"the environment variable {self.secret_env} is not set, which holds the secret:"
                " set it"
            )
        return tuple(found)


class DeliveryRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which answers go where; an empty list is of all.

    Attributes:
        to: names of destinations.
        tenants, tasks: of requests.
        outcomes: "answered", "failed".
        caller: whoever asked gets them too; of messages alone, as HTTP always replies.
    """

    to: tuple[str, ...]
    tenants: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    outcomes: tuple[Literal["answered", "failed"], ...] = ()
    caller: bool = True

    def matches(self, tenant: str, task: str, outcome: str) -> bool:
        """Whether it is of such an answer.

        Args:
            tenant: who asked.
            task: of the request.
            outcome: what became of it.
        """
        return (
            (not self.tenants or tenant in self.tenants)
            and (not self.tasks or task in self.tasks)
            and (not self.outcomes or outcome in self.outcomes)
        )


class DeliveryRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where answers go besides their callers, and what is kept of it.

    Attributes:
        log: file that keeps answers of messages by their ids, and every delivery; an SQLite
            database with the answers' texts.
        kept_s: seconds that it keeps them.
        to: destinations by name.
        rule: which answers go where; those of all rules that match.
        dead_letters: file of what could not be delivered, which `routelab redeliver` sends again.
        tries: of a webhook or topic, after which it is a dead letter.
        backoff_s: seconds before the second try; doubled for each further one, up to an hour.
        timeout_s: of a try.
        at_once: deliveries under way.
        allow: private networks that webhooks may be in.
    """

    log: str = ""
    kept_s: float = 7 * 86_400.0
    to: Mapping[str, DestinationRule] = msgspec.field(default_factory=dict)
    rule: tuple[DeliveryRule, ...] = ()
    dead_letters: str = ""
    tries: int = 10
    backoff_s: float = 2.0
    timeout_s: float = 15.0
    at_once: int = 16
    allow: tuple[str, ...] = ()

    def below(self, folder: Path) -> Self:
        """The same, with paths that were relative to a folder."""
        own = {name: str(folder / value) for name in ("log", "dead_letters")
               if (value := getattr(self, name))}  # fmt: skip
        to = {
            name: structs.replace(it, file=str(folder / it.file)) if it.file else it
            for name, it in self.to.items()
        }
        return structs.replace(self, **own, to=to)

    def chosen(self, tenant: str, task: str, outcome: str) -> tuple[tuple[str, ...], bool]:
        """Names of the destinations of an answer, and whether its caller gets it.

        Args:
            tenant: who asked.
            task: of the request.
            outcome: what became of it.
        """
        found = [it for it in self.rule if it.matches(tenant, task, outcome)]
        names = dict.fromkeys(name for it in found for name in it.to)
        return tuple(names), all(it.caller for it in found)


def delivery_problems(rules: DeliveryRules, queues: Collection[str]) -> Iterator[str]:
    """What is wrong with deliveries.

    Args:
        rules: of them.
        queues: names of the gateway's.
    """
    yield from (f"delivery: {it}" for it in _number_problems(rules))
    for name, place in rules.to.items():
        for problem in _place_problems(place, queues, bool(rules.allow)):
            yield f"delivery.to.{name}: {problem}"
    if CALLER in rules.to:
        yield f"delivery.to.{CALLER}: whoever asked is called {CALLER}: choose another name"
    for at, rule in enumerate(rules.rule, 1):
        if not rule.to and rule.caller:
            yield f"delivery.rule {at}: to is empty; name destinations, or write caller = false"
        for name in rule.to:
            if name not in rules.to:
                yield f"delivery.rule {at}: to: {unknown_name('destination', name, rules.to)}"
    if (queues or rules.rule) and not rules.log:
        yield "delivery: log is missing; name the file that keeps answers and deliveries"
    if rules.rule and not rules.dead_letters:
        yield "delivery: dead_letters is missing; name the file for what cannot be delivered"


def _number_problems(rules: DeliveryRules) -> Iterator[str]:
    for name in ("kept_s", "backoff_s", "timeout_s"):
        seconds = getattr(rules, name)
        if not (is_number(seconds) and 0.0 < seconds < math.inf):
            yield f"{name} is {seconds}; give seconds above 0"
    for name in ("tries", "at_once"):
        if (count := getattr(rules, name)) < 1:
            yield f"{name} is {count}; it is at least 1"
    for network in rules.allow:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield f"allow has {network!r}, which is no address or network, such as 10.0.0.0/8"


def _place_problems(place: DestinationRule, queues: Collection[str], inward: bool) -> Iterator[str]:
    kinds = [it for it in ("webhook", "file", "topic") if getattr(place, it)]
    if len(kinds) != 1:
        yield f"{' and '.join(kinds) or 'nothing'} is given; give one of webhook, file and topic"
        return
    if place.webhook:
        yield from _webhook_problems(place, inward)
    elif place.secret_env:
        yield "secret_env is of a webhook: leave it out"
    if place.topic and place.queue not in queues:
        yield f"queue: {unknown_name('queue', place.queue, queues)}"
    if place.queue and not place.topic:
        yield "queue is of a topic: leave it out"


def _webhook_problems(place: DestinationRule, inward: bool) -> Iterator[str]:
    try:
        parts = urlsplit(place.webhook)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        yield f"webhook is {place.webhook!r}; write an address, such as 'https://example.com/hook'"
    elif parts.username or parts.password:
        yield "webhook has a name or password in it, which are logged on the way: take them out"
    elif parts.scheme == "http" and not inward:
        yield f"webhook is {place.webhook!r}, which anybody on the way can read: write https://"
    if not place.secret_env:
        yield "secret_env is missing; name the variable with the secret of the signatures"
        return
    try:
        place.secrets  # noqa: B018  (it raises)
    except ValueError as error:
        yield str(error)
