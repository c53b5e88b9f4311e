"""A log that grows may be looked at whenever one likes, and delta holds for all looks together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tuning_world import log_of

from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import TuningError
from routelab.logs.model.splits import split
from routelab.policies import Fixed
from routelab.replay import comparison_set
from routelab.tuning.certify import (
    CertificateDemand,
    Evidence,
    after,
    after_the_first,
    first_look,
    next_look,
    prove,
    read_bets,
    write_bets,
)

DELTA = 0.1
REGRET = CertificateDemand("regret", 0.05)
SMALL = Fixed("small")


def drawn(n, seed, lost=0.05):
    """The small model loses as often as the bound says, one request a minute."""
    rng = np.random.default_rng(seed)
    quality = np.column_stack([rng.random(n) >= lost, np.ones(n)]).astype(float)
    log = log_of(quality, np.full((n, 2), 0.5))
    return replace(log, requests=replace(log.requests, timestamp_s=60.0 * np.arange(n)))


def whole(log, largest=1):
    cut = split(log, need_all_parts=False)
    here = comparison_set(log, cut, "all", log.models, catalogue=Catalogue(), seed=0, learn=False)
    return Evidence(here, largest)


def looked(log, bets=None, policy=SMALL, demands=(REGRET,), largest=1):
    """A certificate, and the bets after it."""
    here = whole(log, largest)
    if bets is None:
        look = first_look(here, demands, policy="digest", group="id")
    else:
        look = next_look(bets, here, demands, policy)
    found = prove(policy, demands, DELTA, look.evidence, group="id", bets=look.bets)
    return found, after(look, demands, policy)


def test_a_log_that_grew_goes_on_as_if_it_had_been_there_at_once():
    log = drawn(900, 1, lost=0.01)
    _, bets = looked(log.take(np.arange(400)))
    then, bets = looked(log, bets)
    once, _ = looked(log)
    assert (then.goals, then.n_groups_before, bets.looks) == (once.goals, 0, 2)
    assert then.holds


def test_the_days_since_then_are_enough():
    log = drawn(900, 2, lost=0.01)
    first, bets = looked(log.take(np.arange(300)))
    second, bets = looked(log.take(np.arange(300, 600)), bets)
    third, bets = looked(log.take(np.arange(300, 900)), bets)  # the last log, grown
    once, _ = looked(log)
    assert second.n_groups_before == third.n_groups_before == 300
    assert third.goals[0].p_value == pytest.approx(once.goals[0].p_value)
    assert third.goals[0].limit >= once.goals[0].limit - 1e-9
    assert first.goals[0].p_value >= second.goals[0].p_value >= third.goals[0].p_value
    assert "bets on 300 groups before them" in third.text
    assert bets.looks == 3


def test_the_same_look_again_changes_nothing():
    log = drawn(400, 3)
    one, bets = looked(log)
    other, again = looked(log, bets)
    assert other.goals == one.goals
    assert again.now == bets.now


def test_what_is_not_new_is_no_evidence():
    log = drawn(400, 4)
    _, bets = looked(log)
    changed = replace(log, quality=np.ones_like(log.quality))
    with pytest.raises(TuningError, match="nothing began after the last request"):
        looked(changed, bets)
    timeless = replace(changed, requests=replace(log.requests, timestamp_s=None))
    with pytest.raises(TuningError, match="without timestamps on every request"):
        looked(timeless, bets)


def test_a_log_without_times_says_that_it_is_one_look():
    log = drawn(300, 5)
    timeless = replace(log, requests=replace(log.requests, timestamp_s=None))
    found, bets = looked(timeless)
    assert any(it.startswith("one look: without timestamps") for it in found.assumptions)
    assert bets.until_s is None
    assert looked(timeless, bets)[0].goals == found.goals


def test_a_cost_that_was_never_to_occur_stays_refuted():
    log, demand = drawn(600, 6), CertificateDemand("cost", 400.0)
    log = replace(log, cost_usd=np.full((600, 2), 0.1, order="F"))
    log.cost_usd[10, 0] = 5.0
    here = whole(log.take(np.arange(300)))
    look = first_look(here, [demand], policy="d", group="id")
    bets = after(look.under(here.ceiling(SMALL, 1.0)), [demand], SMALL)
    then = next_look(bets, whole(log.take(np.arange(300, 600))), [demand], SMALL)
    found = prove(
        SMALL, [demand], DELTA, then.evidence, group="id", ceiling_usd=1.0, bets=then.bets
    )
    assert found.goals[0].refuted
    assert not found.holds


def test_bets_are_kept_beside_those_on_other_policies(tmp_path):
    path = tmp_path / "a.bets.json"
    _, bets = looked(drawn(300, 7))
    assert read_bets(path) == ()
    write_bets(path, [bets])
    _, grown = looked(drawn(500, 7), bets)
    write_bets(path, [grown])
    assert read_bets(path) == (grown,)
    third = first_look(whole(drawn(300, 8)), [REGRET], policy="another", group="id").bets
    write_bets(path, [third])
    assert read_bets(path) == (grown, third)
    path.write_text("{")
    with pytest.raises(TuningError, match=r"a\.bets\.json: holds no bets that can be read"):
        read_bets(path)


def rate(looks, times, n):
    """How often any look certifies a bound that is broken by nothing: it is the very mean."""
    wrong = 0
    for seed in range(times):
        log, bets = drawn(n, 10_000 + seed), None
        for end in np.linspace(n / looks, n, looks).astype(int):
            found, bets = looked(log.take(np.arange(end)), bets, demands=(MIDDLE,))
            if found.holds:
                wrong += 1
                break
    return wrong


MIDDLE = CertificateDemand("regret", 0.05, "middle")


def test_some_looks_err_no_more_often_than_delta():
    assert binom.sf(rate(5, 40, 500) - 1, 40, DELTA) > 1e-3


@pytest.mark.slow
def test_twenty_looks_err_no_more_often_than_delta():
    wrong, times = rate(20, 400, 2000), 400
    print(f"\n20 looks at a log that grows: {wrong} of {times} wrong at delta {DELTA}")  # noqa: T201
    assert binom.sf(wrong - 1, times, DELTA) > 0.01


def test_the_largest_group_is_not_taken_from_what_is_tested():
    log = drawn(600, 9)
    sizes = np.r_[np.full(20, 3), np.full(90, 6)]
    names = np.repeat([f"g{it:03}" for it in range(len(sizes))], sizes).astype(object)
    log = replace(log, requests=replace(log.requests, group=names))
    here = after_the_first(whole(log).comparison)
    assert (here.largest, here.skip) == (3, 11)
    assert len(here.sizes) == 99
    assert here.sizes.max() == 3
    assert here.n_left_out == 3 * 90
    alone = after_the_first(whole(drawn(100, 9)).comparison)
    assert (alone.largest, alone.skip) == (1, 0)
