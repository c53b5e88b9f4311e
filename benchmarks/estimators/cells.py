"""One line for each log of a world: what every estimator said. A stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.estimators.worlds import WORLDS, logged, truth
from routelab.errors import LogError
from routelab.estimators import ESTIMATORS, CrossFit, Ridge, estimator


def run(names: Sequence[str], sizes: Sequence[int], repetitions: int, kept: Path) -> None:
    """Measure what the file lacks, and add it line by line; half a line at its end is dropped."""
    whole = list(lines(kept))
    done = {(it["world"], it["n"], it["seed"]) for it in whole}
    kept.write_text("".join(json.dumps(it) + "\n" for it in whole), encoding="utf-8")
    with kept.open("a", encoding="utf-8") as file:
        for seed in range(repetitions):
            for name in names:
                for n in sizes:
                    if (name, n, seed) not in done:
                        file.write(json.dumps(measured(name, n, seed)) + "\n")
                        file.flush()


def measured(name: str, n: int, seed: int) -> dict[str, Any]:
    """What every estimator says of one log: value and interval, null where it refuses."""
    log, target = logged(name, n, seed)
    said: dict[str, Any] = {}
    for kind in ESTIMATORS:
        if kind.name.startswith("prefix") and not WORLDS[name].cascade:
            continue  # the same as the plain ones
        try:
            found = estimator(kind.name, CrossFit(Ridge(), seed=seed)).value(
                log, target, WORLDS[name].outcome
            )
        except LogError:
            continue  # an estimator of one call, and a cascade
        said[kind.name] = [found.value, *(found.ci or (None, None))]
    return {"world": name, "n": n, "seed": seed, "truth": truth(name), "said": said}


def lines(kept: Path) -> Iterator[dict[str, Any]]:
    """Whole lines of a file; nothing where there is none."""
    if not kept.exists():
        return
    for line in kept.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return
