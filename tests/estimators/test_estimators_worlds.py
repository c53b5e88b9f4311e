"""Estimators on worlds with known values: bias, coverage, and what prefix weighting gains.

The full table has 500 logs of each world: `python -m benchmarks.estimators`.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.estimators.cells import lines, measured, run
from benchmarks.estimators.table import Row, markdown, summary
from benchmarks.estimators.worlds import WORLDS, logged, truth
from routelab.estimators import PrefixDR, PrefixIPS, estimator

N = 1000
DEFAULTS = {True: "prefix-dr", False: "sndr"}


def repeated(name: str, times: int) -> dict[str, Row]:
    return {it.estimator: it for it in summary(measured(name, N, seed) for seed in range(times))}


def check(name: str, times: int) -> None:
    rows = repeated(name, times)
    for it in rows.values():
        if it.estimator == "dm":
            assert np.isnan(it.covered)
        elif it.estimator not in ("switch-dr", "shrunk-dr"):
            assert abs(it.bias) < 4 * it.bias_error + 0.02  # self-normalised ones have a little
    usual = rows[DEFAULTS[WORLDS[name].cascade]]
    assert usual.high > 0.93
    assert usual.low < 0.97
    assert usual.refused <= 0.02


@pytest.mark.parametrize("name", ["two models", "cascade of 2"])
def test_defaults_are_unbiased_and_cover(name: str) -> None:
    check(name, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, it in WORLDS.items() if not it.broken])
def test_defaults_are_unbiased_and_cover_in_every_world(name: str) -> None:
    check(name, 200)


@pytest.mark.parametrize("name", [name for name, it in WORLDS.items() if it.broken])
def test_broken_worlds_are_refused(name: str) -> None:
    for it in repeated(name, 2).values():
        assert it.refused == 1.0


def test_a_wrong_outcome_model_ruins_dm_and_not_what_is_doubly_robust() -> None:
    rows = repeated("misspecified", 12)
    assert rows["dm"].bias > 0.2
    for name in ("sndr", "dr"):
        assert abs(rows[name].bias) < 4 * rows[name].bias_error + 0.02
        assert abs(rows[name].bias) < rows["dm"].bias / 3


@pytest.mark.parametrize(("name", "least"), [("cascade, audited", 2.0), ("cascade of 3", 1 / 1.1)])
def test_prefixes_beat_whole_paths_and_are_never_much_worse(name: str, least: float) -> None:
    errors: dict[str, list[float]] = {"ips": [], "prefix-ips": []}
    for seed in range(25):
        log, target = logged(name, N, seed)
        for kind, found in errors.items():
            value = estimator(kind).value(log, target).value
            assert value is not None
            found.append(value - truth(name))
    plain, prefix = (float(np.sqrt(np.mean(np.square(it)))) for it in errors.values())
    assert plain / prefix >= least


def test_the_outcome_model_makes_cascades_more_certain() -> None:
    widths = []
    for kind in (PrefixDR(), PrefixIPS()):
        log, target = logged("cascade of 3", 4000, 0)
        ends = kind.value(log, target).ci
        assert ends is not None
        widths.append(ends[1] - ends[0])
    assert widths[0] < widths[1]


def test_a_stopped_run_of_the_table_goes_on(tmp_path) -> None:
    kept = tmp_path / "cells.jsonl"
    run(["two models"], [200], 2, kept)
    whole = kept.read_text()
    kept.write_text(whole[:-20])  # half of its last line
    run(["two models"], [200], 3, kept)
    assert kept.read_text().startswith(whole)
    assert [it["seed"] for it in lines(kept)] == [0, 1, 2]
    assert "| two models | sndr |" in markdown(summary(lines(kept)))
