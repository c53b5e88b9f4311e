"""A policy tuned on a partial log beside the one tuned on the complete log: what it gains.

    python -m benchmarks.estimators.partial_gains --data FOLDER

Of each log a third is held out, complete, and judges both policies. From the rest as many requests
are drawn with replacement as traffic is to have. One policy is tuned on all their outcomes; the
other on what a router left of them that serves one model and explores the first call. Both are
tuned for the most quality at half the cost between the cheapest and the dearest model, and as
default for the least cost at enough quality. Gains are points of quality above the best mix of
single models at the policy's own cost.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

import routelab
from benchmarks.estimators.hidden_logs import LOGS
from routelab.core import Policy
from routelab.logs import Log
from routelab.metrics import zero_router_at
from routelab.policies import Explore, Fixed, Mixture
from routelab.replay import hidden, run
from routelab.synthetic import world
from routelab.tuning import Bounds, Options, Study, tune
from routelab.tuning.scores import scored_log

REQUESTS, EPSILON = 20_000, 0.1


class GainLine(NamedTuple):
    """Gains on held-out requests, in points of quality, at the costs in USD per 1,000."""

    log: str
    requests: int
    point: str
    complete: float
    complete_cost: float
    partial: float
    partial_cost: float
    verdict: str
    held: bool
    seconds: float


def of_log(name: str, data: Path, requests: int, epsilon: float, seed: int) -> Iterator[GainLine]:
    """Both policies of a log, for each point."""
    log = complete(name, data, requests, seed)
    rows = np.random.default_rng(seed).permutation(len(log))
    third = len(log) // 3
    judging = log.take(np.sort(rows[:third]))
    traffic = drawn(log.take(np.sort(rows[third:])), requests, seed)
    seen = scored_log(
        hidden(traffic, logging_policy(log.models, epsilon), seed=seed), log.models, seed=seed
    )
    costs = 1000 * traffic.cost_usd.mean(axis=0)
    half = Bounds(max_usd_per_1k=float(costs.min() + costs.max()) / 2)
    for point, bounds in (("half the cost", half), ("enough quality", Bounds())):
        begun = time.monotonic()
        options = Options(
            name="both", policy="utility", seed=seed, account=False, models=log.models,
            bounds=bounds,
        )  # fmt: skip
        whole, part = tune(traffic, options), tune(seen, options)
        on_whole, cost_whole, _ = gain(whole, judging)
        on_part, cost_part, quality = gain(part, judging)
        said = part.estimated.quality if part.estimated is not None else None
        ends = None if said is None else said.ci
        yield GainLine(
            name, requests, point, on_whole, cost_whole, on_part, cost_part, part.verdict.word,
            ends is not None and ends[0] <= quality <= ends[1], time.monotonic() - begun,
        )  # fmt: skip


def complete(name: str, data: Path, requests: int, seed: int) -> Log:
    """The requests of a log on which every model answered."""
    if name == "synthetic":
        log = world("before", requests * 3 // 2, seed)
    else:
        log = routelab.read(data / LOGS[name].file).only(LOGS[name].models)
    whole = ~(np.isnan(log.quality) | np.isnan(log.cost_usd)).any(axis=1)
    return log.take(np.flatnonzero(whole))


def drawn(log: Log, requests: int, seed: int) -> Log:
    """As many requests of a log, some more than once, each with an id of its own."""
    rows = np.random.default_rng(seed + 1).integers(len(log), size=requests)
    found = log.take(rows)
    ids = np.array([f"{it}#{at}" for at, it in enumerate(found.requests.id)], dtype=object)
    return replace(found, requests=replace(found.requests, id=ids), path=None)


def logging_policy(models: tuple[str, ...], epsilon: float) -> Policy:
    """The first model, but for some requests any of them; mixtures of weight 1 only name others."""
    usual: Policy = Fixed(models[0])
    for other in models[1:]:
        usual = Mixture(usual, Fixed(other), 1.0, f"also {other}")
    return Explore(usual, epsilon)


def gain(study: Study, log: Log) -> tuple[float, float, float]:
    """Points above the best mix of single models, USD per 1,000 requests, and quality."""
    scoring = None if study.fitted is None else study.fitted.scoring()
    found = run(study.policy, log, scoring=scoring)
    cost, quality = found.cost_usd.mean(), float(found.quality.mean())
    alone = (log.cost_usd.mean(axis=0)[None], log.quality.mean(axis=0)[None])
    mix = float(zero_router_at(*alone, np.array([cost]))[0])
    return 100 * (quality - mix), 1000 * float(cost), quality


def lines(names: list[str], data: Path, requests: int, seeds: int) -> Iterator[GainLine]:
    """One for each log and seed."""
    for name in names:
        for seed in range(seeds):
            yield from of_log(name, data, requests, EPSILON, seed)


def main(arguments: list[str]) -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--data", type=Path, required=True)
    given.add_argument("--requests", type=int, default=REQUESTS)
    given.add_argument("--seeds", type=int, default=1)
    given.add_argument("logs", nargs="*", default=["synthetic", *LOGS])
    options = given.parse_args(arguments)
    print("| log | requests | point | complete | USD | partial | USD | share | interval |")
    print("|---|---|---|---|---|---|---|---|---|")
    for it in lines(options.logs, options.data, options.requests, options.seeds):
        share = f"{it.partial / it.complete:.0%}" if it.complete > 0 else ""
        print(
            f"| {it.log} | {it.requests:,} | {it.point} | {it.complete:+.2f} |"
            f" {it.complete_cost:.3f} | {it.partial:+.2f} | {it.partial_cost:.3f} | {share} |"
            f" {'holds' if it.held else 'misses'} |",
            flush=True,
        )
        print(f"{it.log}: {it.seconds:.0f} s, {it.verdict}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
