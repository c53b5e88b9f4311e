"""`serve.toml`: what a gateway allows, keeps and limits, checked with every problem at once."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import structs

from routelab.core.catalogue import TomlFields, parse_tables, read_text
from routelab.core.messages import is_number
from routelab.errors import ConfigError
from routelab.serve.settings import (
    DeliveryRules,
    QueueRules,
    delivery_problems,
    queue_problems,
)

ANY_ORIGIN = "*"
"""Pages of any site."""
EVERY = "*"
"""In place of a name: any other."""


class LimitRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one key, tenant or priority may ask for; None for no limit.

    Attributes:
        requests_per_minute: that are let in, evenly over time.
        burst: let in at once after a pause; None for what ten seconds bring, at least one.
        at_once: requests under way.
        usd_per_day: once so much was spent in a day of UTC, further requests are refused. Those
            under way go on, so that it may be passed by what they cost; for a bound that holds
            before every call, give `budgets`.
    """

    requests_per_minute: float | None = None
    burst: int | None = None
    at_once: int | None = None
    usd_per_day: float | None = None


class GatewayLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of everybody together, and of each key, tenant and priority.

    Attributes:
        idle_s: seconds that a connection over HTTP may be open between requests: longer than
            clients and balancers keep theirs, so that none sends into one that is being closed.
        head_s: seconds in which the head of a request has to arrive.
        head_bytes: of a request's address and headers together.
        body_bytes: of a request's body.
        body_s: seconds in which a body has to arrive.
        body_depth: of lists and objects in each other.
        all: of all callers together.
        key: of each key that has no limits of its own in the file of keys.
        tenant: of each tenant that is not in `tenants`.
        tenants, priorities: by name.
    """

    idle_s: float = 75.0
    head_s: float = 20.0
    head_bytes: int = 65_536
    body_bytes: int = 20_000_000
    body_s: float = 60.0
    body_depth: int = 100
    all: LimitRule | None = None
    key: LimitRule | None = None
    tenant: LimitRule | None = None
    tenants: Mapping[str, LimitRule] = msgspec.field(default_factory=dict)
    priorities: Mapping[str, LimitRule] = msgspec.field(default_factory=dict)


class CallerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may ask, and how they are known; without any of it everybody may, as nobody.

    Attributes:
        keys: file of the callers' hashed keys (see `routelab.serve.keys`).
        tenant_header, priority_header: headers in which a proxy says who asks.
        trusted: addresses or networks of proxies whose headers are believed.
        operators: tenants, as a proxy says, that may see the status page; of keys, those with
            `operator = true`.
        origins: of pages of other sites that may have their readers' browsers ask, such as
            "http://localhost:3000"; "*" for all. Left out, none may where callers are not known,
            and otherwise it is for keys and the proxy to say.
    """

    keys: str = ""
    tenant_header: str = ""
    priority_header: str = ""
    trusted: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class WebSocketRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of connections that stay open, and carry many requests at once.

    Attributes:
        connections: open at once.
        at_once: requests under way on each.
        ping_s: seconds between heartbeats, and in which one has to be answered.
        send_s: seconds in which a caller has to make room for a frame.
    """

    connections: int = 10_000
    at_once: int = 64
    ping_s: float = 20.0
    send_s: float = 30.0


class StatusRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the status page at `/`.

    Attributes:
        page: it is there.
        decisions: the latest that it lists.
        refresh_s: seconds between what it is told.
        watchers: pages that are told at once.
    """

    page: bool = True
    decisions: int = 50
    refresh_s: float = 2.0
    watchers: int = 20


class RedactionRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken out of texts, by the names of redactions (see `routelab.runtime.redaction`).

    Attributes:
        log: out of whatever is logged.
        send: out of requests, before a policy decides on them and models are asked.
        deliver: out of answers, before webhooks, files and topics have them.
    """

    log: tuple[str, ...] = ("mail", "phone", "card")
    send: tuple[str, ...] = ()
    deliver: tuple[str, ...] = ()


class TelemetryRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of OpenTelemetry; needs the `otel` extra where an exporter is named.

    Attributes:
        exporter: "otlp" sends to a collector over OTLP/HTTP, "global" gives to the providers that
            the process has set; nothing is done without.
        endpoint: base URL of the collector; what OTEL_EXPORTER_OTLP_ENDPOINT and its like say
            unless given.
        names: of the conventions for generative AI: "present", "former" or "both"; the environment
            variable OTEL_SEMCONV_STABILITY_OPT_IN goes before it.
        traces, metrics: what is sent.
        trace_headers: the models' providers are told of the trace that a request belongs to, with
            or without an exporter; a deployment of the catalogue may be left out of it.
        interval_s: seconds between metrics.
    """

    exporter: Literal["", "otlp", "global"] = ""
    endpoint: str = ""
    names: Literal["present", "former", "both"] = "present"
    traces: bool = True
    metrics: bool = True
    trace_headers: bool = True
    interval_s: float = 60.0


class GrpcRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the entry over gRPC, which needs the `grpc` extra.

    Attributes:
        port: to listen on, 0 for a free one; no such entry unless given.
        certificate, private_key: PEM files, with which it speaks TLS.
        client_authority: PEM file of the authority whose certificates callers must have.
        at_once: calls under way on each connection.
        ping_s: seconds between heartbeats, and in which one has to be answered.
        send_s: seconds in which a caller has to make room for a piece.
    """

    port: int | None = None
    certificate: str = ""
    private_key: str = ""
    client_authority: str = ""
    at_once: int = 1000
    ping_s: float = 20.0
    send_s: float = 30.0


class WorkerRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the processes that answer.

    Attributes:
        count: how many; limits, budgets and metrics are of all of them together.
        restarts_per_minute: of processes that die; beyond it the others go on alone for a while,
            and where none is left the server ends.
    """

    count: int = 1
    restarts_per_minute: int = 10


class ServeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a gateway; `serve.toml` has the same fields.

    Attributes:
        default: policy of requests whose `model` is left out or is "routelab"; needed only where
            several are served.
        models: of the catalogue, that callers may name besides policies; "*" for all of them.
        aliases: other names that callers use for `model`, each with the policy ("routelab/NAME")
            or model that is meant; "*" for whatever else they write.
        log: folder of the decision log; none is kept without.
        log_texts: write prompts and answers to it too.
        budgets: a `budgets.toml`, for all policies together.
        budget_store: file that keeps what was spent; in memory, and lost with the process, unless
            given.
        timeout_s: seconds for each attempt at a deployment that has no `timeouts` of its own.
        transport: to the endpoints: "aiohttp" or "httpx".
        signals: how answers yield confidence signals, by name, in place of what the policies say.
        packages: installed packages that bring kinds, and whose code may run.
        drain_s: seconds that requests under way are given when the server is told to stop.
        reload_s: seconds between looks at the files for changes; 0 never looks.
        remembered: latest decisions that feedback is joined to.
        log_requests: a line on standard error for every request; what is refused or fails, and
            what the server does, always has one.
        callers: who may ask.
        limits: how much.
        websocket: of connections that stay open.
        status: of the page for operators.
        redaction: of what identifies people.
        telemetry: of spans and metrics.
        queue: that requests are taken from.
        delivery: of answers to others than their callers.
        workers: processes that answer.
        grpc: of the entry over gRPC.
    """

    default: str = ""
    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = msgspec.field(default_factory=dict)
    log: str = ""
    log_texts: bool = False
    budgets: str = ""
    budget_store: str = ""
    timeout_s: float = 60.0
    transport: Literal["aiohttp", "httpx"] = "aiohttp"
    signals: Mapping[str, str] = msgspec.field(default_factory=dict)
    packages: tuple[str, ...] = ()
    drain_s: float = 30.0
    reload_s: float = 2.0
    remembered: int = 50_000
    log_requests: bool = False
    callers: CallerRules = CallerRules()
    limits: GatewayLimits = msgspec.field(default_factory=GatewayLimits)
    websocket: WebSocketRules = WebSocketRules()
    status: StatusRules = StatusRules()
    redaction: RedactionRules = RedactionRules()
    telemetry: TelemetryRules = TelemetryRules()
    queue: tuple[QueueRules, ...] = ()
    delivery: DeliveryRules = msgspec.field(default_factory=DeliveryRules)
    workers: WorkerRules = WorkerRules()
    grpc: GrpcRules = GrpcRules()

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise ConfigError(*problems)

    @property
    def named_files(self) -> tuple[str, ...]:
        """Files that it names and that must be there."""
        rules = self.grpc
        tls = rules.certificate, rules.private_key, rules.client_authority
        return tuple(it for it in (self.budgets, self.callers.keys, *tls) if it)


def read_config(path: str | Path) -> ServeConfig:
    """The settings in a `serve.toml`; paths in it are relative to the file.

    Raises:
        ConfigError: it cannot be read, or has fields or values that cannot be; names them all.
    """
    path = Path(path)
    tables = parse_tables(
        read_text(path, "a gateway's settings", ConfigError), path.name, ConfigError
    )
    fields = TomlFields()
    problems: tuple[str, ...] = ()
    try:
        found = fields.read(tables, ServeConfig)
    except ConfigError as error:
        problems = error.problems
    if problems := (*fields.problems, *problems):
        raise ConfigError(*(f"{path.name}: {problem}" for problem in problems))
    own = {
        name: str(path.parent / value)
        for name in ("log", "budgets", "budget_store")
        if (value := getattr(found, name))
    }
    if found.callers.keys:
        keys = str(path.parent / found.callers.keys)
        own["callers"] = structs.replace(found.callers, keys=keys)  # type: ignore[assignment]
    own["delivery"] = found.delivery.below(path.parent)  # type: ignore[assignment]
    tls = {
        name: str(path.parent / value)
        for name in ("certificate", "private_key", "client_authority")
        if (value := getattr(found.grpc, name))
    }
    own["grpc"] = structs.replace(found.grpc, **tls)  # type: ignore[assignment]
    config: ServeConfig = structs.replace(found, **own)
    if missing := [it for it in config.named_files if not Path(it).is_file()]:
        raise ConfigError(*(f"{path.name}: there is no file {it}" for it in missing))
    return config


def rule_problems(rule: LimitRule) -> Iterator[str]:
    """What is wrong with a rule, each beginning with its field."""
    for name in ("requests_per_minute", "usd_per_day"):
        value = getattr(rule, name)
        if value is not None and not (is_number(value) and 0.0 <= value < math.inf):
            yield f"{name} is {value}; it is finite and not negative, or left out for no limit"
    for name in ("burst", "at_once"):
        value = getattr(rule, name)
        if value is not None and value < 1:
            yield f"{name} is {value}; it is at least 1, or left out"
    if rule.burst is not None and rule.requests_per_minute is None:
        yield "burst needs requests_per_minute beside it"


def _problems(config: ServeConfig) -> Iterator[str]:
    for name, least in (("timeout_s", 0.0), ("drain_s", -1e-9), ("reload_s", -1e-9)):
        value = getattr(config, name)
        if not (is_number(value) and least < value < math.inf):
            at_least = "above 0" if least == 0.0 else "0 or more"
            yield f"{name} is {value}; give seconds, {at_least}"
    if config.remembered < 1:
        yield f"remembered is {config.remembered}; give a whole number, at least 1"
    if config.budget_store and not config.budgets:
        yield "budget_store keeps what budgets count: give budgets too"
    if config.log_texts and not config.log:
        yield "log_texts is of the decision log: give log, a folder, too"
    for alias in (EVERY, *config.aliases):
        if config.aliases.get(alias, "routelab") == alias:
            yield f"aliases: {alias!r} stands for itself; name a policy or a model"
    yield from _caller_problems(config.callers)
    yield from _limit_problems(config.limits)
    yield from _websocket_problems(config.websocket)
    yield from _status_problems(config.status)
    yield from _telemetry_problems(config.telemetry)
    yield from _queue_problems(config)
    yield from _grpc_problems(config.grpc)
    for name in ("count", "restarts_per_minute"):
        if (number := getattr(config.workers, name)) < 1:
            yield f"workers: {name} is {number}; it is at least 1"


def _caller_problems(rules: CallerRules) -> Iterator[str]:
    headers = [name for name in ("tenant_header", "priority_header") if getattr(rules, name)]
    if headers and not rules.trusted:
        yield (
            f"callers: {' and '.join(headers)} would be believed of anybody: list the proxy's"
            ' address in trusted, such as ["127.0.0.1"]'
        )
    if rules.trusted and not headers:
        yield "callers: trusted is of tenant_header and priority_header: give one of them too"
    if rules.keys and headers:
        yield "callers: give keys, or headers of a trusted proxy, not both"
    if rules.operators and not rules.tenant_header:
        yield (
            "callers: operators are tenants that a trusted proxy names: give tenant_header, or"
            " `operator = true` to a key"
        )
    for origin in rules.origins:
        if origin != ANY_ORIGIN and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#@]*/?", origin):
            yield f"callers: origins has {origin!r}, which is none, such as http://localhost:3000"
    for network in rules.trusted:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield (
                f"callers: trusted has {network!r}, which is no address or network, such as"
                " 10.0.0.0/8"
            )


def _limit_problems(limits: GatewayLimits) -> Iterator[str]:
    for name in ("head_bytes", "body_bytes", "body_depth"):
        if (value := getattr(limits, name)) < 1:
            yield f"limits: {name} is {value}; it is at least 1"
    for name in ("idle_s", "head_s", "body_s"):
        seconds = getattr(limits, name)
        if not (is_number(seconds) and 0.0 < seconds < math.inf):
            yield f"limits: {name} is {seconds}; give seconds above 0"
    rules = {name: getattr(limits, name) for name in ("all", "key", "tenant")}
    rules |= {f"tenants.{name}": rule for name, rule in limits.tenants.items()}
    rules |= {f"priorities.{name}": rule for name, rule in limits.priorities.items()}
    for name, rule in rules.items():
        if rule is not None:
            yield from (f"limits.{name}: {problem}" for problem in rule_problems(rule))


def _queue_problems(config: ServeConfig) -> Iterator[str]:
    yield from queue_problems(config.queue)
    yield from delivery_problems(config.delivery, [it.name for it in config.queue])
    if config.callers.trusted:
        for queue in config.queue:
            if not (queue.tenant or queue.tenant_attribute):
                yield (
                    f"queue {queue.name!r}: a proxy says who asks over HTTP, and no proxy stands"
                    " before a queue: give tenant, or tenant_attribute"
                )


def _grpc_problems(rules: GrpcRules) -> Iterator[str]:
    if rules.port is not None and not 0 <= rules.port <= 65535:
        yield f"grpc: port is {rules.port}; it is 0 to 65535, or left out"
    if bool(rules.certificate) != bool(rules.private_key):
        yield "grpc: certificate and private_key belong together: give both or neither"
    if rules.client_authority and not rules.certificate:
        yield "grpc: client_authority needs TLS: give certificate and private_key too"
    if rules.at_once < 1:
        yield f"grpc: at_once is {rules.at_once}; it is at least 1"
    for name in ("ping_s", "send_s"):
        seconds = getattr(rules, name)
        if not (is_number(seconds) and 0.0 < seconds < math.inf):
            yield f"grpc: {name} is {seconds}; give seconds above 0"


def _websocket_problems(rules: WebSocketRules) -> Iterator[str]:
    for name in ("connections", "at_once"):
        if (count := getattr(rules, name)) < 1:
            yield f"websocket: {name} is {count}; it is at least 1"
    for name in ("ping_s", "send_s"):
        seconds = getattr(rules, name)
        if not (is_number(seconds) and 0.0 < seconds < math.inf):
            yield f"websocket: {name} is {seconds}; give seconds above 0"


def _status_problems(rules: StatusRules) -> Iterator[str]:
    if rules.decisions < 0:
        yield f"status: decisions is {rules.decisions}; it is 0 or more"
    if rules.watchers < 1:
        yield f"status: watchers is {rules.watchers}; it is at least 1"
    if not (is_number(rules.refresh_s) and 0.1 <= rules.refresh_s < math.inf):
        yield f"status: refresh_s is {rules.refresh_s}; give seconds, at least 0.1"


def _telemetry_problems(rules: TelemetryRules) -> Iterator[str]:
    if rules.endpoint and rules.exporter != "otlp":
        yield 'telemetry: endpoint is of exporter = "otlp": give it too'
    if rules.endpoint and not rules.endpoint.startswith(("http://", "https://")):
        yield f"telemetry: endpoint is {rules.endpoint!r}; give a URL, as http://localhost:4318"
    if not (is_number(rules.interval_s) and 0.1 <= rules.interval_s < math.inf):
        yield f"telemetry: interval_s is {rules.interval_s}; give seconds, at least 0.1"
