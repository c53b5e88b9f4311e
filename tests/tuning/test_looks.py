"""Studies on one test part are counted, and whoever tries often pays for it."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tuning_world import log_of, random_log

from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import TuningError
from routelab.logs.model.splits import split
from routelab.policies import Cascade
from routelab.replay import NamedPolicy, comparison_set, evaluate
from routelab.stats import look_level, widened
from routelab.tuning import Bounds, LookLedger, Options, StudyLook, tune
from routelab.tuning.looks import study_digest
from routelab.tuning.study import verdict


@pytest.fixture
def ledger(tmp_path):
    return LookLedger.beside(tmp_path / "log.parquet")


def test_studies_of_one_test_part_are_counted_and_a_repeated_one_is_no_look(ledger):
    assert ledger.path.name == "log.parquet.looks"
    assert [ledger.counted("t", "l", it).number for it in "abca"] == [1, 2, 3, 1]
    assert ledger.counted("t", "grown", "d").number == 4  # the same test requests
    assert ledger.counted("u", "l", "e").number == 4  # another cut of the same log
    assert ledger.counted("u", "m", "f").number == 2
    assert ledger.counted("v", "n", "a").number == 1
    assert len(ledger.path.read_bytes().splitlines()) == 7


def test_what_is_paid_adds_up_to_one_in_twenty():
    levels = [look_level(it) for it in range(1, 2000)]
    assert levels[0] == 0.025
    assert 0.0499 < sum(levels) < 0.05
    assert levels == sorted(levels, reverse=True)
    assert widened(1.0, (0.5, 2.0), 1) == (0.5, 2.0)
    low, high = widened(1.0, (0.5, 2.0), 2)
    assert (1 - low) / 0.5 == pytest.approx(high - 1.0) == pytest.approx(2.2414 / 1.9600, rel=1e-3)
    with pytest.raises(ValueError, match="look is 0"):
        look_level(0)


def test_a_look_says_so():
    assert [*StudyLook(1, 0.025).sentences()] == []
    (said,) = StudyLook(4, look_level(4)).sentences()
    assert said.startswith("the 4th study judged on these test requests")
    assert "99.58 %" in said
    names = [next(StudyLook(it, look_level(it)).sentences())[:8] for it in (2, 3, 11, 12, 21, 22)]
    assert names == ["the 2nd ", "the 3rd ", "the 11th", "the 12th", "the 21st", "the 22nd"]


def write_many(path, first):
    for at in range(25):
        LookLedger(path).counted("t", "l", f"{first}-{at}")


def test_processes_that_count_at_once_lose_nothing(ledger):
    on = multiprocessing.get_context("spawn")
    workers = [on.Process(target=write_many, args=(ledger.path, it)) for it in range(3)]
    for it in workers:
        it.start()
    for it in workers:
        it.join()
    assert ledger.counted("t", "l", "last").number == 76


def test_a_line_that_was_torn_is_told_and_nothing_else_is_lost(ledger):
    for it in "ab":
        ledger.counted("t", "l", it)
    ledger.path.write_bytes(ledger.path.read_bytes()[:-5])
    look = ledger.counted("t", "l", "c")
    assert look.number == 2
    assert look.notes == ("1 line of log.parquet.looks cannot be read",)
    assert ledger.counted("t", "l", "c").number == 2
    other = LookLedger(ledger.path.with_name("other.looks"))
    other.path.write_text("id,quality\n1,2\n")
    with pytest.raises(TuningError, match=r"is no ledger of looks \(line 1 is"):
        other.counted("t", "l", "a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_breaks_nothing_and_is_told(ledger):
    ledger.counted("t", "l", "a")
    ledger.path.chmod(0o444)
    look = ledger.counted("t", "l", "b")
    assert look.number == 2
    assert "is not counted: log.parquet.looks cannot be written" in look.notes[0]


def test_a_place_that_is_not_there_breaks_nothing_and_is_told(tmp_path):
    (tmp_path / "gone").write_text("no folder")
    look = LookLedger(tmp_path / "gone" / "log.looks").counted("t", "l", "a")
    assert (look.number, len(look.notes)) == (1, 1)
    assert "is not counted: log.looks cannot be written" in look.notes[0]
    assert [*look.sentences()] == [*look.notes]


def test_what_changes_nothing_makes_no_other_study():
    one = Options(name="a", policy="cascade", trials=9)
    digest = study_digest(one, {"log": "x"})
    for same in ({"name": "b"}, {"storage": "trials.log"}, {"processes": 4}):
        assert study_digest(Options(**{"name": "a", "policy": "cascade", "trials": 9} | same),
                            {"log": "x"}) == digest  # fmt: skip
    for other in ({"seed": 1}, {"trials": 8}, {"signals": ("s",)}):
        assert study_digest(Options(**{"name": "a", "policy": "cascade", "trials": 9} | other),
                            {"log": "x"}) != digest  # fmt: skip
    assert study_digest(one, {"log": "y"}) != digest


def test_a_study_is_told_which_look_it_is_and_the_same_one_comes_to_the_same(ledger):
    log = random_log(900, 2, seed=1)
    log = replace(log, requests=replace(log.requests, timestamp_s=np.arange(900.0)))

    def studied(seed, looks=ledger):
        return tune(log, Options(name="c", trials=3, seed=seed, policy="cascade"), looks=looks)

    first, second, again = studied(0), studied(1), studied(0)
    assert [it.look.number for it in (first, second, again)] == [1, 2, 1]
    assert again.verdict == first.verdict == studied(0, None).verdict
    assert any("the 2nd study judged on these" in it for it in second.verdict.reasons)
    low, high = second.look.paid(second.figures).gain_ci
    assert low < second.figures.gain_ci[0]
    assert high > second.figures.gain_ci[1]


def ships(seed, tries, requests=400):
    """How many of some noise signals ship on one test part of a world where none is worth it."""
    rng, shipped = np.random.default_rng(seed), []
    quality = np.column_stack([rng.random(requests) < 0.6, rng.random(requests) < 0.8])
    for look in range(1, tries + 1):
        log = log_of(quality, [0.001, 0.01], rng.random((requests, 2)))
        cut = split(log, group="id", need_all_parts=False)
        here = comparison_set(
            log, cut, "all", log.models, catalogue=Catalogue(), seed=0, learn=False
        )
        policy = NamedPolicy("noise", Cascade(("small", "middle"), (0.5,), "confidence"))
        figures = StudyLook(look, look_level(look)).paid(evaluate(here, [policy])[0])
        shipped.append(verdict(figures, Bounds(), 0.8).word == "ship")
    return shipped


def test_ten_tries_on_one_test_rarely_ship_anything():
    some = sum(any(ships(it, 10)) for it in range(8))
    assert binom.sf(some - 1, 8, 0.05) > 1e-3


@pytest.mark.slow
def test_ten_tries_on_one_test_ship_something_in_one_world_of_twenty_at_most():
    times = 400
    worlds = [ships(1000 + it, 10) for it in range(times)]
    some, first = sum(map(any, worlds)), sum(it[0] for it in worlds)
    print(f"\nsome ship in ten tries: {some} of {times}; in the first: {first}")  # noqa: T201
    assert binom.sf(some - 1, times, 0.05) > 0.01
