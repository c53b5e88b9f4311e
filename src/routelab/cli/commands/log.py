"""`routelab log`: what routers wrote down of the requests they routed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from routelab.cli.arguments import Feedback
from routelab.cli.console import print_json
from routelab.cli.options import Json
from routelab.cli.output import progress, tables
from routelab.cli.typer_groups import Commands
from routelab.core.messages import known
from routelab.core.storage import AlertRecord, FeedbackRecord, Record
from routelab.logs import decisions
from routelab.runtime.budgets import Alert
from routelab.runtime.journal import finished_request
from routelab.runtime.metrics import Distribution, MetricTotals, RouterMetrics, Snapshot

app = Commands(help="What routers wrote down of the requests they routed.", no_args_is_help=True)

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="LOG", help="A decision log: its folder, or a file of it.", show_default=False
    ),
]


@app.callback()
def log() -> None:
    """What routers wrote down of the requests they routed."""


@app.command("describe")
def describe(log: Folder, feedback: Feedback = None, json: Json = False) -> None:
    """Show what a decision log holds: money, latencies and errors by model, deployment and tenant.

    "data describe" takes the log too, as a log of models and their answers.

    Example: `routelab log describe decisions/`
    """
    with progress("reading") as update:
        found = _Summary(log, feedback, update)
    if json:
        print_json(found.as_data())
    else:
        tables.show(*found.parts())


@app.command("compact")
def compact(
    log: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="The folder that routers log to.", show_default=False
        ),
    ],
    keep: Annotated[bool, typer.Option("--keep", help="Do not remove the JSON Lines.")] = False,
    json: Json = False,
) -> None:
    """Turn the finished files of a decision log into Parquet, a tenth of the size.

    Files that a router is writing are left alone. Nothing is lost: Parquet holds every record
    as a whole, beside the columns of a log.

    Example: `routelab log compact decisions/`
    """
    with progress("compacting") as update:
        done = decisions.compact(log, keep=keep, progress=update)
    if json:
        shown = {**done._asdict(), "out": _names(done.out), "files": _names(done.files)}
        print_json({**shown, "left": _names(done.left)})
        return
    if not done.files:
        tables.show(f"nothing to compact: {len(done.left)} files are being written")
        return
    tables.show(
        f"{len(done.files)} files, {done.requests:,} requests: {done.before_bytes / 1e6:.1f} MB"
        f" became {done.after_bytes / 1e6:.1f} MB in"
        f" {tables.escaped(', '.join(_names(done.out)))}"
    )


def _names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


class _Summary:
    """A decision log, added up as a router adds up what it does."""

    def __init__(
        self, path: Path, feedback: Path | None, progress: Callable[[int, int], None]
    ) -> None:
        journal = decisions.open_journal(path)
        given = list(decisions.judgements(feedback))
        judged = {it.request_id for it in given}  # they go before what the log says
        metrics = RouterMetrics(max_tenants=1_000, remembered=1_000_000)
        self.name = path.name
        self.policies: Counter[str] = Counter()
        self.first_s = self.last_s = float("nan")
        for line in journal.lines(progress):
            if isinstance(line, Record):
                metrics.finished(finished_request(line))
                self.policies[line.policy] += 1
                moment = line.timestamp_s
                self.first_s = moment if not self.first_s <= moment else self.first_s
                self.last_s = moment if not self.last_s >= moment else self.last_s
            elif isinstance(line, FeedbackRecord):
                if line.request_id not in judged:
                    metrics.feedback(line.request_id, line.quality, line.model)
            elif isinstance(line, AlertRecord):
                known = (line.account, line.period, line.share, line.spent_usd, line.limit_usd)
                metrics.alert(Alert(*known))
        for it in given:
            metrics.feedback(it.request_id, it.quality, it.model)
        self.torn = sorted(journal.torn)
        self.metrics = metrics.snapshot()

    def as_data(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self.metrics, str_keys=True)
        for unused in ("since_s", "at_s", "budgets", "breakers", "log", "waiting"):
            del found[unused]
        whole = {"name": self.name, "first_s": self.first_s, "last_s": self.last_s}
        return {**whole, "policies": dict(self.policies), **found, "torn": self.torn}

    def parts(self) -> list[Any]:
        it = self.metrics
        parts: list[Any] = [
            tables.escaped(_head(self, it)),
            _table("model", "calls", it.models, it),
            _table("deployment", "attempts", it.deployments),
        ]
        if set(it.tenants) != {""}:
            parts.append(_table("tenant", "requests", it.tenants))
        if len(it.steps) > 1:
            parts.append(_table("turn", "calls", it.steps))
        parts += [
            f"budget of {tables.escaped(alert.account)} for {alert.period}: {alert.share:.0%} of"
            f" {alert.limit_usd:.6g} USD"
            for alert in it.alerts
        ]
        return parts + [
            f"note: {tables.escaped(name)} ends in the middle of a line, which is left out"
            for name in self.torn
        ]


def _head(summary: _Summary, it: Snapshot) -> str:
    statuses = ", ".join(f"{count:,} {name}" for name, count in sorted(it.statuses.items()))
    lines = [
        f"{summary.name}: {it.requests.count:,} requests ({statuses or 'none'})",
        f"times: {_moment(summary.first_s)} to {_moment(summary.last_s)}",
        f"money: {it.requests.cost_usd:.6g} USD, {_or(it.requests.usd_per_1k, '.4f')} per 1,000"
        " requests"
        + (f"; of {it.requests.cost_unknown} not known" if it.requests.cost_unknown else ""),
        f"latency of answers: {_quantiles(it.requests.latency_s)}",
        f"escalated: {_or(it.escalation_rate, '.1%')} of the answered; retries: {it.retries};"
        f" decided by the cheaper policy: {it.degraded}",
        *_unsent(it),
    ]
    digests = (f"{digest[:12]} ({count:,})" for digest, count in summary.policies.most_common())
    return "\n".join([*lines, f"policies: {', '.join(digests)}"])


def _unsent(it: Snapshot) -> list[str]:
    """What became of calls that were never made; nothing where every call was."""
    calls = sum(totals.not_sent for totals in it.models.values())
    if not calls:
        return []
    return [
        f"calls not sent: {calls:,} (refused by a budget, taken by no deployment, or cancelled);"
        f" {it.cut_short:,} requests got an earlier answer instead"
    ]


def _table(
    what: str, counted: str, totals: Mapping[str, MetricTotals], judged: Snapshot | None = None
) -> Table:
    table = Table()
    unsent = any(it.not_sent for it in totals.values())
    heads = [what, counted, *["not sent"] * unsent, "failed", "USD", "USD per 1,000"]
    heads += ["P50", "P95", "P99", "first token"]
    for head in heads + ["quality (judged)"] * (judged is not None):
        table.add_column(head, justify="left" if head == what else "right")
    for name, it in totals.items():
        row = [
            tables.escaped(name) or "(none)",
            f"{it.count:,}",
            *[f"{it.not_sent:,}"] * unsent,
            _or(it.error_rate, ".2%"),
            f"{it.cost_usd:.6g}",
            _or(it.usd_per_1k, ".4f"),
            *(_or(q, ".3g") for q in (it.latency_s.p50, it.latency_s.p95, it.latency_s.p99)),
            _or(it.first_token_s.p50, ".3g"),
        ]
        if judged is not None:
            quality = judged.quality.get(name)
            row.append(f"{quality.mean:.4f} ({quality.count:,})" if quality else "-")
        table.add_row(*row)
    return table


def _quantiles(it: Distribution) -> str:
    return f"P50 {_or(it.p50, '.3g')} s, P95 {_or(it.p95, '.3g')} s, P99 {_or(it.p99, '.3g')} s"


def _moment(seconds: float) -> str:
    if seconds != seconds:
        return "-"
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _or(value: float | None, form: str) -> str:
    return known(value, form, otherwise="-")
