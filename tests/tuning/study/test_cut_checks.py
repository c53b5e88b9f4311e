"""Cuts on which no interval can be had, and those in time that leave out what came back."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from routelab.errors import LogError
from routelab.logs import open_batches, read
from routelab.replay.partitions import workers
from routelab.tuning import Options, tune
from routelab.tuning.certify import CertificateDemand
from routelab.tuning.partitions import tune_partitions


def saved(path, groups, times=None, n=600):
    """Two models and a signal of noise."""
    rng = np.random.default_rng(0)
    parts = []
    for model, cost, right in (("small", 0.001, 0.6), ("large", 0.01, 0.75)):
        part = {"request_id": [f"r{at}" for at in range(n)], "model": model, "group": groups}
        part |= {"quality": (rng.random(n) < right).astype(float), "cost_usd": cost}
        part["confidence"] = rng.random(n)
        if times is not None:
            part["timestamp"] = times
        parts.append(pd.DataFrame(part))
    pd.concat(parts).to_parquet(path)
    return path


def studied(path, **options):
    log = read(path, signals=["confidence"])
    return tune(log, Options(name="p", policy="cascade", trials=20, **options))


def in_batches(path, **options):
    log = open_batches(path, signals=["confidence"])
    with workers("threads", 1) as on:
        return tune_partitions(log, Options(name="p", policy="cascade", **options), on)


@pytest.mark.parametrize("run", [studied, in_batches])
def test_a_part_of_one_group_is_refused_and_many_groups_are_not(tmp_path, run):
    few = saved(tmp_path / "few.parquet", np.repeat([f"g{at}" for at in range(5)], 120))
    with pytest.raises(LogError, match=r"all requests of .* are of one group"):
        run(few, seed=3)
    many = saved(tmp_path / "many.parquet", [f"g{at // 6}" for at in range(600)])
    low, high = run(many, seed=3).figures.quality_ci
    assert low < high


@pytest.mark.parametrize("run", [studied, in_batches])
def test_users_who_come_back_stay_in_test_and_are_told(tmp_path, run):
    rng = np.random.default_rng(1)
    times = 1.7e9 + np.arange(600) * 60.0
    users = rng.integers(300, size=600)
    found = run(saved(tmp_path / "back.parquet", [f"u{at}" for at in users], times))
    assert (found.split.dropped, found.split.n["test"]) == (0, 120)
    back = int(np.isin(users[480:], users[:480]).sum())
    assert found.split.returned["test"] == back
    told = f"{back} requests of test, of 120, are of a group that an earlier part has, too"
    assert any(told in it for it in found.verdict.reasons)
    if run is studied:
        told = rf"on groups that are new in test \({120 - back} requests\)"
        assert any(re.search(told, it) for it in found.verdict.reasons)


@pytest.mark.parametrize("run", [studied, in_batches])
def test_few_who_come_back_are_left_out_of_the_later_part(tmp_path, run):
    times = 1.7e9 + np.arange(600) * 60.0
    users = [f"u{at}" if at not in (10, 590) else "often" for at in range(600)]
    found = run(saved(tmp_path / "few.parquet", users, times))
    assert (found.split.dropped, found.split.n["test"]) == (1, 119)
    assert not found.split.returned or not any(found.split.returned.values())


@pytest.mark.parametrize("run", [studied, in_batches])
def test_tasks_kept_together_in_time_are_counted_and_over_a_fifth_is_refused(tmp_path, run):
    times = 1.7e9 + np.arange(600) * 60.0

    def tasks(name, kinds):
        path = saved(tmp_path / f"{name}.parquet", [f"g{at}" for at in range(600)], times)
        pd.read_parquet(path).assign(task=[f"t{it}" for it in kinds] * 2).to_parquet(path)
        return path

    often = tasks("often", [at // 4 if at % 2 else 999 for at in range(600)])
    with pytest.raises(LogError, match=r"leaves out \d\d% of the requests") as refused:
        run(often, group="task")
    assert "split='random'" in str(refused.value)
    some = run(tasks("some", [at if at % 12 else 999 for at in range(600)]), group="task")
    assert some.split.dropped == 25
    assert any("25 requests of 600 are in no part" in it for it in some.verdict.reasons)


def test_answers_that_are_all_worth_the_same_are_said_beside_the_verdict(tmp_path):
    path = saved(tmp_path / "log.parquet", [f"g{at}" for at in range(600)])
    told = "every answer on tune has quality 1: no router can be told from another"
    assert not any(told in it for it in studied(path).verdict.reasons)
    alike = tmp_path / "alike.parquet"
    pd.read_parquet(path).assign(quality=1.0).to_parquet(alike)
    found = studied(alike).verdict
    assert found.word == "do not route"
    assert any(told in it for it in found.reasons)
    failed = tmp_path / "failed.parquet"
    pd.read_parquet(path).assign(error="timeout").to_parquet(failed)
    with pytest.raises(LogError, match="but of calls that failed, by the column 'error'"):
        studied(failed)
    pd.read_parquet(failed).drop(columns="confidence").to_parquet(failed)
    policy = Options(name="p", policy="cascade", trials=20)
    reasons = tune(read(failed), policy).verdict.reasons
    assert any("every call on tune failed" in it and "holds errors" in it for it in reasons)
    assert not any("holds quality" in it for it in reasons)


def test_nothing_is_certified_on_users_whom_the_policy_was_chosen_on(tmp_path):
    users = np.random.default_rng(1).integers(300, size=600)
    path = saved(
        tmp_path / "back.parquet", [f"u{at}" for at in users], 1.7e9 + np.arange(600) * 60.0
    )
    goals = (CertificateDemand("regret", 0.5),)
    with pytest.raises(
        LogError, match=r"requests of calibrate, of 60, are of a group that an earl"
    ):
        studied(path, certify=goals)
    assert studied(path, certify=goals, split="random").certificate is not None
