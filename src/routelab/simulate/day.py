"""The result of a simulated day, request by request."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.messages import known, notebook_html
from routelab.core.storage import Record
from routelab.logs.model import Strings
from routelab.replay import TimedOutAnswers
from routelab.simulate.deployment_stats import DeploymentStats


@dataclass(frozen=True, eq=False)
class DeploymentSamples:
    """The state of a deployment at s moments, evenly apart.

    Attributes:
        model, deployment: whose it is.
        state: (s,) of its breaker: 0 closed, 1 half-open, 2 open.
        under_way: (s,) calls sent and not answered.
        waiting: (s,) of them, those in line at the deployment.
    """

    model: str
    deployment: str
    provider: str
    state: Ints
    under_way: Ints
    waiting: Ints


@dataclass(frozen=True, eq=False)
class Day:
    """The result of a simulated day: k requests in the order in which they arrived.

    Attributes:
        policy: that routed them.
        starts_s: Unix seconds of the first arrival.
        arrived_s: (k,) virtual seconds from the first arrival.
        rows: (k,) of the log.
        latency_s: (k,) from arrival to the end.
        latency_known: whether latencies mean anything.
        cost_usd: (k,) of all calls.
        quality: (k,) of the answer; 0 without one.
        answered: (k,).
        status: (k,) how each ended (see `routelab.core.storage.record.Status`).
        model: (k,) that answered; empty without an answer.
        tenant, priority: (k,); empty where the log does not say.
        calls, attempts: (k,) calls of the policy that were made, and attempts at deployments.
        n_attempts, struck: in all, and those that a fault changed.
        every_s: between samples.
        sampled: by deployment.
        waiting: (s,) calls that waited for a free deployment, at the moments of the samples.
        simulated_s: virtual seconds until the last request was over.
        worked: what each deployment did.
        slow_answers: logged ones that take longer than an attempt may wait for them.
        slowest, failures: some requests with all that they went through: the slowest first, and
            the first that got no answer.
    """

    policy: str
    starts_s: float
    arrived_s: Floats
    rows: Ints
    latency_s: Floats
    latency_known: bool
    cost_usd: Floats
    quality: Floats
    answered: Bools
    status: Strings
    model: Strings
    tenant: Strings
    priority: Strings
    calls: Ints
    attempts: Ints
    n_attempts: int
    struck: int
    every_s: float
    sampled: tuple[DeploymentSamples, ...]
    waiting: Ints
    simulated_s: float
    worked: tuple[DeploymentStats, ...] = ()
    slow_answers: tuple[TimedOutAnswers, ...] = ()
    slowest: tuple[Record, ...] = ()
    failures: tuple[Record, ...] = ()

    def __len__(self) -> int:
        return len(self.arrived_s)

    @property
    def struck_share(self) -> float:
        """Of all attempts, those that a fault changed."""
        return self.struck / max(1, self.n_attempts)

    @property
    def starts_at(self) -> str:
        """Date and time (UTC) of the first arrival."""
        return f"{dt.datetime.fromtimestamp(self.starts_s, dt.UTC):%Y-%m-%d %H:%M}"

    @property
    def errors_by(self) -> dict[tuple[str, str], int]:
        """Attempts without an answer, by what they say and model; the most frequent first."""
        found: Counter[tuple[str, str]] = Counter()
        for it in self.worked:
            for said, n in it.errors_by.items():
                found[said, it.model] += n
        return dict(found.most_common())

    @property
    def unwaited_usd_per_1k(self) -> float:
        """What answers cost that nobody waited for: providers may charge it, no bill here does."""
        return 1000.0 * sum(it.unwaited_usd for it in self.worked) / max(1, len(self))

    def summary(self) -> dict[str, Any]:
        """Figures of the whole day as plain data."""
        seen = self.latency_s[self.answered]
        quantiles = np.quantile(seen, (0.5, 0.95, 0.99)) if len(seen) and self.latency_known else ()
        names = ("latency_p50_s", "latency_p95_s", "latency_p99_s")
        return {
            "policy": self.policy,
            "starts_at": self.starts_at,
            "requests": len(self),
            "failed": int((~self.answered).sum()),
            "refused": int((self.status == "refused").sum()),
            "error_rate": float((~self.answered).mean()),
            **dict(zip(names, map(float, quantiles), strict=False)),
            "usd_per_1k": 1000.0 * float(self.cost_usd.mean()),
            "unwaited_usd_per_1k": self.unwaited_usd_per_1k,
            "quality": float(self.quality.mean()),
            "escalation_rate": float((self.calls > 1).mean()),
            "attempts_per_call": self.n_attempts / max(1, int(self.calls.sum())),
            "struck_share": self.struck_share,
            "model_share": {
                str(name): float((self.model == name).mean()) for name in np.unique(self.model)
            },
            "status": {str(it): int((self.status == it).sum()) for it in np.unique(self.status)},
            "simulated_s": self.simulated_s,
            "slow_answers": [it._asdict() for it in self.slow_answers],
            "deployments": [it.to_dict() for it in self.worked],
        }

    def _repr_html_(self) -> str:
        """For notebooks."""
        it = self.summary()
        heads = ("model", "provider", "attempts", "failed", "struck", "P95")
        rows = [
            (
                one.model,
                one.provider,
                f"{one.attempts:,}",
                f"{one.errors:,}",
                f"{one.struck:,}",
                known(one.p95_s, ".2f", " s", otherwise=""),
            )
            for one in self.worked
        ]
        p95 = f"P95 {it['latency_p95_s']:.2f} s, " if "latency_p95_s" in it else ""
        refused = f" ({it['refused']:,} of them refused)" if it["refused"] else ""
        notes = (
            f"{len(self):,} requests, {it['failed']:,} without an answer{refused}; {p95}"
            f"{it['usd_per_1k']:.4g} USD per 1,000 requests, quality {it['quality']:.3f}",
        )
        return notebook_html.html_table(
            f"A day of {self.policy}", heads, rows, words=(0, 1), notes=notes
        )
