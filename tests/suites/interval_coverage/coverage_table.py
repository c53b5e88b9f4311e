"""How often the intervals of fixed policies hold the truth, world by world, as a table.

`make intervals` prints it. What was drawn is kept in a file, a line a log, so that a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from coverage_world import log_of, whole
from fixed_policy_worlds import WORLDS, World
from scipy.stats import binomtest

from routelab.metrics import zero_router_at
from routelab.policies import Cascade
from routelab.replay import Figures, NamedPolicy, evaluate

THRESHOLD = 0.5
FIGURES = ("quality", "cost", "gain", "difference", "saving", "saving share", "random mix")
REFUSED = "refused"
LARGE = 400_000


def intervals_of(world: World, n: int, seed: int) -> Figures:
    """Figures of the cascade of the first and the last model on one log."""
    drawn = world.draw(n, np.random.default_rng(seed))
    on = replace(whole(log_of(drawn.outcomes, timed=world.timed)), groups=drawn.groups)
    first, *_, last = on.models
    policy = Cascade((first, last), (THRESHOLD,), "confidence")
    return evaluate(on, [NamedPolicy("p", policy)])[0]


def truth(world: World) -> dict[str, float]:
    """What the intervals are of, on very many requests, without routelab's replay."""
    it = world.draw(LARGE, np.random.default_rng(10**6)).outcomes
    kept = it.confidence >= THRESHOLD
    quality = float(np.where(kept, it.quality[:, 0], it.quality[:, -1]).mean())
    spent = it.cost_usd[:, 0] + np.where(kept, 0.0, it.cost_usd[:, -1])
    costs, qualities = it.cost_usd.mean(axis=0), it.quality.mean(axis=0)
    cost = world.mean_cost(spent, kept)
    dearest = world.mean_cost(it.cost_usd[:, -1], None)
    if world.exact_costs is not None:
        costs = np.array(world.exact_costs)
    zero = float(zero_router_at(costs[None], qualities[None], np.array([cost]))[0])
    found = {
        "quality": quality,
        "cost": 1000 * cost,
        "gain": quality - zero,
        "difference": quality - float(qualities[-1]),
        "saving": 1000 * (dearest - cost),
        "saving share": 1 - cost / dearest,
    }
    return found | ({"random mix": found["gain"]} if len(costs) == 2 else {})


def held(it: Figures, true: Mapping[str, float]) -> dict[str, bool]:
    """Which intervals hold the truth; none where they are refused."""
    if it.refusal:
        return {REFUSED: True}
    beside = {baseline.name: baseline for baseline in it.baselines}
    last = [baseline for baseline in it.baselines if baseline.name.startswith("fixed:")][-1]
    ends = {
        "quality": it.quality_ci,
        "cost": it.usd_per_1k_ci,
        "gain": it.gain_ci,
        "difference": last.quality_gain_ci,
        "saving": last.saving_usd_per_1k_ci,
        "saving share": last.saving_share_ci or (-np.inf, np.inf),
        "random mix": beside["random_mix"].quality_gain_ci,
    }
    return {name: bool(ends[name][0] <= value <= ends[name][1]) for name, value in true.items()}


def run(names: Sequence[str], sizes: Sequence[int], times: int, kept: Path) -> None:
    """Draw what the file lacks, and add it line by line; half a line at its end is dropped."""
    whole_lines = list(lines(kept))
    done = {(it["world"], it["n"], it["seed"]) for it in whole_lines}
    kept.write_text("".join(json.dumps(it) + "\n" for it in whole_lines), encoding="utf-8")
    with kept.open("a", encoding="utf-8") as file:
        for name in names:
            true = truth(WORLDS[name])
            for n in sizes:
                for seed in range(times):
                    if (name, n, seed) in done:
                        continue
                    found = held(intervals_of(WORLDS[name], n, seed), true)
                    line = {"world": name, "n": n, "seed": seed, "held": found}
                    file.write(json.dumps(line) + "\n")
                    file.flush()


def lines(kept: Path) -> Iterator[dict[str, object]]:
    if kept.exists():
        with kept.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.endswith("\n"))


def table(kept: Path) -> str:
    """The rates as Markdown, with 95 % intervals of Clopper & Pearson."""
    rows: dict[tuple[str, int], list[dict[str, bool]]] = {}
    for it in lines(kept):
        rows.setdefault((str(it["world"]), int(str(it["n"]))), []).append(it["held"])  # type: ignore[arg-type]
    head = ["world", "n", "logs", *FIGURES, REFUSED]
    shown = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for (name, n), found in rows.items():
        judged = [it for it in found if REFUSED not in it]
        cells = [rate([it[figure] for it in judged if figure in it]) for figure in FIGURES]
        refused = f"{1 - len(judged) / len(found):.2f}"
        shown.append(f"| {' | '.join([name, f'{n:,}', str(len(found)), *cells, refused])} |")
    return "\n".join(shown)


def rate(held: Sequence[bool]) -> str:
    if not held:
        return "-"
    low, high = binomtest(sum(held), len(held)).proportion_ci()
    return f"{np.mean(held):.3f} [{low:.2f}, {high:.2f}]"


def main(arguments: Sequence[str]) -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    asked.add_argument("--sizes", nargs="*", type=int, default=[300, 1000, 4000])
    asked.add_argument("--times", type=int, default=150)
    asked.add_argument("--kept", type=Path, default=Path("interval_coverage.jsonl"))
    options = asked.parse_args(arguments)
    run(options.worlds, options.sizes, options.times, options.kept)
    print(table(options.kept))  # noqa: T201  (the result)


if __name__ == "__main__":
    main(sys.argv[1:])
