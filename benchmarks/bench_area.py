"""What a study makes of half a log, beside routers of an afternoon; and what these cost a table.

Small logs alone; `python -m benchmarks.learning` has all of them, with intervals.
"""

from __future__ import annotations

import time

from benchmarks.learning.judge import LUCK, ROUTELAB, TRUTH, ZERO, cell, comparable
from benchmarks.learning.worlds import WORLDS, World
from routelab.core.catalogue import Catalogue
from routelab.logs.model import split
from routelab.replay import comparison_set

Row = tuple[str, float, str, bool]

SLACK = 0.002
"""Of area, by which nothing is to be behind."""
SMALL = ("routerbench", "specialist")


def run() -> list[Row]:
    rows: list[Row] = []
    for name in (*SMALL, "routellm"):
        try:
            world = WORLDS[name]()
        except FileNotFoundError as error:
            print(f"area: {error}; left out")
            continue
        rows += _areas(name, world) if name in SMALL else _baselines(world)
    return rows


def _areas(name: str, world: World) -> list[Row]:
    found = cell(world, seed=0, rows=None, budget_s=60.0)
    areas = found["areas"]
    mine = areas.pop(ROUTELAB)
    others = {key: it for key, it in areas.items() if key not in (TRUTH, LUCK)}
    best = max(others, key=others.__getitem__)
    ahead, over = mine - others[best], mine - areas[ZERO]
    seconds = found["seconds"]
    return [
        (f"area_{name}", mine, "area", True),
        (f"area_{name}_{best.replace(' ', '_')}", others[best], "baseline", True),
        (f"area_{name}_ahead", ahead, f">=-{SLACK}", ahead >= -SLACK),
        (f"area_{name}_over_zero_router", over, f">=-{SLACK}", over >= -SLACK),
        (f"area_{name}_study_s", seconds, "<=60", seconds <= 60.0),
    ]


def _baselines(world: World) -> list[Row]:
    """Processor seconds in which routers that learn are made, of 15,000 requests in all."""
    log = world.log
    cut = split(log, seed=0)
    models = comparable(world, log).models
    catalogue = (log.catalogue or Catalogue()).only(models)
    test = comparison_set(log, cut, "test", models, catalogue=catalogue, seed=0)
    test.fixed()
    start = time.process_time()
    assert test.learned.by_name
    taken = time.process_time() - start
    return [("area_baselines_of_15k_cpu_s", taken, "<=5", taken <= 5.0)]
