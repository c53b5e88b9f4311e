"""Complete logs, of which all but one decision a request is hidden: is the truth found?

    python -m benchmarks.estimators.hidden_logs --data FOLDER

A stochastic policy decides on half of each log, and only its calls are kept. Ten policies are
valued from that, and compared with what the complete log says of them. Scorers are learned on
the other half.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import routelab
from routelab.core import Policy, SignalSpec
from routelab.estimators import PolicyEstimate
from routelab.logs import Log
from routelab.policies import Cascade, Explore, Fixed, Mixture
from routelab.replay import hidden, run
from routelab.tuning import Options, tune
from routelab.whatif import PolicyToValue, value

EPSILON = 0.3


class HiddenLog(NamedTuple):
    """A log, the models that count, cheapest first, and a confidence signal where it has one."""

    file: str
    models: tuple[str, ...]
    signal: str | None = None


LOGS: Mapping[str, HiddenLog] = {
    "reasoning-gym easy": HiddenLog(
        "reasoning_gym_easy.parquet",
        ("gemma-3-27b-it", "mistral-small-3.1-24b-instruct", "llama-4-maverick",
         "claude-3.5-sonnet", "claude-sonnet-4"),
        "confidence",
    ),
    "MMLU-Pro": HiddenLog(
        "mmlu_pro.parquet",
        ("gemini-1.5-flash-002", "Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3.1-70B-Instruct",
         "gemini-1.5-pro-002"),
    ),
    "RouteLLM": HiddenLog(
        "routellm_gsm8k_mmlu.parquet",
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"),
    ),
}  # fmt: skip


class Line(NamedTuple):
    """One policy on one log, and what each outcome was said and known to be."""

    log: str
    policy: str
    quality: PolicyEstimate | None
    true_quality: float
    cost: PolicyEstimate | None
    true_cost: float


def lines(name: str, data: Path, seed: int = 0) -> Iterator[Line]:
    """All policies of a log."""
    given = LOGS[name]
    signals = {} if given.signal is None else {given.signal: SignalSpec(multiplier=3.0)}
    log = routelab.read(data / given.file, signals=signals)
    assert isinstance(log, Log)
    log = log.only(given.models)
    whole = ~np.isnan(log.quality).any(axis=1) & ~np.isnan(log.cost_usd).any(axis=1)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(whole))
    learned, kept = log.take(np.sort(rows[::2])), log.take(np.sort(rows[1::2]))
    targets = policies(given, learned, seed)
    made = hidden(kept, logging_policy(given), seed=seed)
    found = value(made, targets, seed=seed)
    for target, said in zip(targets, found, strict=True):
        truth = [
            run(target.policy, kept, seed=at, scoring=target.scoring)
            for at in range(20 if target.name == "mixture" else 1)
        ]
        yield Line(
            name,
            target.name,
            said.estimates.get("quality"),
            float(np.mean([it.quality.mean() for it in truth])),
            said.estimates.get("cost_usd"),
            float(np.mean([it.cost_usd.mean() for it in truth])),
        )


def logging_policy(given: HiddenLog) -> Policy:
    """Explores the first call evenly over all models; otherwise a cascade that goes on often.

    A mixture of weight 1 draws nothing: it only names a further model to explore.
    """
    usual: Policy = Fixed(given.models[0])
    if given.signal is not None:
        usual = Cascade(chain(given), (0.9, 0.9), given.signal)
    for other in given.models[1:]:
        usual = Mixture(usual, Fixed(other), 1.0, f"also {other}")
    return Explore(usual, EPSILON)


def chain(given: HiddenLog) -> tuple[str, ...]:
    """The cheapest, the middle and the dearest model."""
    return (given.models[0], given.models[len(given.models) // 2], given.models[-1])


def policies(given: HiddenLog, learned: Log, seed: int) -> list[PolicyToValue]:
    """Fixed ones, tiers, utility, a mixture, and cascades where there is a signal."""
    found: list[tuple[str, Policy]] = [(f"fixed {it}", Fixed(it)) for it in given.models]
    if given.signal is not None:
        models = chain(given)
        found += [
            (f"cascade, {low:g} and {high:g}", Cascade(models, (low, high), given.signal))
            for low, high in ((0.4, 0.4), (0.9, 0.4))
        ]
        found.append(("cascade of two", Cascade(models[:2], (0.9,), given.signal)))
    made = [PolicyToValue(name, policy) for name, policy in found]
    made.append(
        PolicyToValue("mixture", Mixture(Fixed(given.models[0]), Fixed(given.models[-1]), 0.5))
    )
    for kind in ("tiers", "utility"):
        for point in ("least-cost", "most-quality")[: 1 if given.signal else 2]:
            options = Options(
                name=kind, policy=kind, trials=20, seed=seed, account=False, point=point,
                models=given.models, allow_missing=True,
            )  # fmt: skip
            study = tune(learned, options)
            scoring = None if study.fitted is None else study.fitted.scoring()
            made.append(PolicyToValue(f"{kind}, {point}", study.policy, scoring))
    return made


def markdown(found: Sequence[Line]) -> str:
    """The table: what was said beside what is known."""
    rows = [
        "| log | policy | quality | interval | true | USD per 1,000 | interval | true | rests on |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for it in found:
        quality = _cells(it.quality, 1.0, ".3f")
        cost = _cells(it.cost, 1000.0, ".3f")
        rests = "" if it.quality is None else (
            f"{it.quality.diagnostics.effective_requests:,.0f} of {it.quality.requests:,}"
        )  # fmt: skip
        rows.append(
            f"| {it.log} | {it.policy} | {quality} | {it.true_quality:.3f} | {cost} |"
            f" {1000 * it.true_cost:.3f} | {rests} |"
        )
    said = [
        (estimate, truth)
        for it in found
        for estimate, truth in ((it.quality, it.true_quality), (it.cost, it.true_cost))
        if estimate is not None and estimate.ci is not None
    ]
    held = sum(it.ci[0] <= truth <= it.ci[1] for it, truth in said if it.ci is not None)
    return "\n".join(rows) + f"\n\n{held} of {len(said)} intervals hold the truth.\n"


def _cells(found: PolicyEstimate | None, scale: float, form: str) -> str:
    if found is None or found.value is None or found.ci is None:
        return "refused | "
    low, high = (scale * end for end in found.ci)
    return f"{scale * found.value:{form}} | {low:{form}} to {high:{form}}"


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.estimators.hidden_logs")
    asked.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    asked.add_argument("--logs", nargs="*", default=list(LOGS), choices=list(LOGS))
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args(arguments)
    found = [it for name in options.logs for it in lines(name, options.data, options.seed)]
    sys.stdout.write(markdown(found))


if __name__ == "__main__":
    main(sys.argv[1:])
