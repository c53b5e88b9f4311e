"""How well learned scorers rank requests: on public responses, and in worlds with a known best.

APGR of GPT-4 against Mixtral on RouteLLM's published MMLU and GSM8K responses, by the default
recipe. Cross-fitted over five folds, once at random and once with whole subjects left out.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.deferral_world import World, draw
from routelab import learning, logs
from routelab.learning.diagnosis.ranking import Ranking
from routelab.learning.examples import requests_of
from routelab.learning.targets import answers
from routelab.logs import Log
from routelab.metrics import normalised_area

DATA = Path(os.environ.get("ROUTELAB_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"

Row = tuple[str, float, str, bool]


def run() -> list[Row]:
    return [*_public(), *_deferral("benign", 0.95), *_deferral("specialist", 0.90)]


def _public() -> list[Row]:
    path = DATA / "routellm_gsm8k_mmlu.parquet"
    if not path.exists():
        print(f"learning_apgr: no {path}, left out (set ROUTELAB_DATA)")
        return []
    log = logs.read(path)
    gsm8k = log.requests.task.astype(str) == "gsm8k"
    mmlu = _account(log, ~gsm8k)
    rows = [
        *_apgr("mmlu", mmlu.random, 0.685, low=0.66),
        *_apgr("mmlu_new_subjects", mmlu.leave_task_out, 0.595),
        *_apgr("gsm8k", _account(log, gsm8k).random, 0.61),
    ]
    lead = mmlu.random.lead["task mean"].low
    return [*rows, ("learning_apgr_mmlu_lead_over_task_mean_low", lead, ">0", lead > 0.0)]


def _account(log: Log, chosen: np.ndarray) -> learning.LearningAccount:
    part = log.take(np.flatnonzero(chosen))
    return learning.account(part, weak=WEAK, strong=STRONG)


def _apgr(name: str, found: Ranking, target: float, low: float | None = None) -> list[Row]:
    figure = found.apgr
    rows = [(f"learning_apgr_{name}", figure.value, f">={target}", figure.value >= target)]
    floor = "interval" if low is None else f">={low}"
    rows.append((f"learning_apgr_{name}_low", figure.low, floor, low is None or figure.low >= low))
    rows.append((f"learning_apgr_{name}_high", figure.high, "interval", True))
    for baseline, other in found.baselines.items():
        key = baseline.replace(" ", "_")
        rows.append((f"learning_apgr_{name}_{key}", other.value, "baseline", True))
    return rows


def _deferral(name: str, target: float, train: int = 4000, test: int = 20_000) -> list[Row]:
    """Deferral area on new requests, as a share of that of the true expected gains."""
    specialist = name == "specialist"
    here = draw(train, specialist=specialist, seed=1)
    there = draw(test, specialist=specialist, seed=2)
    weak, strong = here.log.models
    fitted = learning.fit(
        here.log, target="gain", models=(weak, strong), signals=("confidence",), seed=0
    )
    seen = answers(there.log, 0, ("confidence",))
    gain = fitted.scoring().score_batch("gain", requests_of(there.log), seen)[:, 0]
    best = _area(there, there.gain)
    share, raw = _area(there, gain) / best, _area(there, -there.confidence) / best
    return [
        (f"learning_deferral_{name}", share, f">={target}", share >= target),
        (f"learning_deferral_{name}_raw_confidence", raw, "baseline", True),
    ]


def _area(world: World, score: np.ndarray) -> float:
    quality = world.log.quality
    return normalised_area(score, quality[:, 0], quality[:, 1])
