"""Leaves of many trees for many rows, as replay and tuning sum them up, beside numpy's way.

5,000 rows of the numbers of a text, 1,800 trees of 16 leaves: what twelve models of 150 trees
each come to. Both forms give the same bits.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.bench_decision import NUMBERS, TREES, tree
from routelab.core import Floats
from routelab.scorers import flatten_trees, kernels
from routelab.scorers.kernels import Forest, plain

ROWS, MODELS, RUNS = 5000, 12, 5


def run() -> list[tuple[str, float, str, bool]]:
    rng = np.random.default_rng(0)
    forest = Forest(
        **flatten_trees([(0.0, [tree(rng) for _ in range(TREES)]) for _ in range(MODELS)])
    )
    x = rng.uniform(0.0, 6.0, (ROWS, len(NUMBERS.names)))
    walk, slow = kernels.Walk(forest), plain.PlainWalk(forest)
    assert walk.sums(x).tobytes() == slow.sums(x).tobytes()
    pairs = [(_seconds(slow, x), _seconds(walk, x)) for _ in range(RUNS)]
    ratio = statistics.median(before / after for before, after in pairs)
    rate = ROWS / statistics.median(after for _, after in pairs)
    return [
        ("sum_1800_trees_rows_per_s", rate, "-", True),
        ("sum_1800_trees_times_faster_than_numpy", ratio, ">=3", ratio >= 3),
    ]


def _seconds(walk: kernels.Walk | plain.PlainWalk, x: Floats) -> float:
    started = time.perf_counter()
    walk.sums(x)
    return time.perf_counter() - started
