"""A field that comes to the options leaves studies that were begun before it as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import optuna
import pytest
from tuning_world import random_log

from routelab.core.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec
from routelab.errors import TuningError
from routelab.logs import read
from routelab.logs.model import split
from routelab.replay import comparison_set
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.kinds import cascade
from routelab.tuning.options import BEFORE, FIRST
from routelab.tuning.search import StorageLocation, TrialStore
from routelab.tuning.search.trial_store import ABOUT, open_storage
from routelab.tuning.study import repeat

RELEASED = Path(__file__).parents[2] / "suites" / "released" / "0.1.0"


class Wider(Options, frozen=True, kw_only=True):
    """The options of a later release."""

    newer: int = 3
    others: tuple[str, ...] = ()


def test_the_first_fields_are_all_recorded_and_later_ones_where_they_say_something_new():
    plain = Wider(name="mine")
    assert set(FIRST) <= set(plain.recorded)
    assert not {"newer", "others"} & set(plain.recorded)
    changed = msgspec.structs.replace(plain, newer=4, others=("a",))
    assert (changed.recorded["newer"], changed.recorded["others"]) == (4, ("a",))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What a release kept, unpacked: its log and a journal of trials that was killed halfway."""
    import tarfile

    here = tmp_path_factory.mktemp("released")
    with tarfile.open(RELEASED / "trials.tar.xz") as opened:
        opened.extractall(here, filter="data")
    shutil.copy(RELEASED / "log.parquet", here)
    return here


def location(kept, journal, options):
    """Where a study with these options keeps its trials, and all that they follow from."""
    log = read(kept / "log.parquet", signals={"confidence": SignalSpec(multiplier=1.0)})
    known = (log.catalogue or Catalogue()).only(log.models)
    cut = split(log, seed=0, group=None, returning=options.returns)
    tuning = comparison_set(log, cut, "tune", log.models, catalogue=known, seed=0)
    found = cascade._location(tuning, msgspec.structs.replace(options, storage=str(journal)))
    assert isinstance(found, StorageLocation)
    return found


def stored(journal):
    (study,) = open_storage(str(journal)).get_all_studies()
    return study


def test_a_journal_of_the_first_release_is_taken_up_by_options_with_more_fields(kept, tmp_path):
    journal = shutil.copy(kept / "half.log", tmp_path)
    about = stored(journal).user_attrs[ABOUT]
    names = dict.fromkeys(("usd_per_1k", "quality"), "minimize") | {"quality": "maximize"}
    given = msgspec.convert(
        {key.removeprefix("options."): it for key, it in about.items() if key[:8] == "options."}
        | {**BEFORE, "name": stored(journal).study_name, "trials": 40},
        Wider,
    )
    if about["optuna"] != optuna.__version__:
        pytest.skip("another Optuna draws other trials, and its journals are refused")
    assert TrialStore(location(kept, journal, given), names).resumed > 0
    for free in ({"point": "most-quality"}, {"budget_s": 9.0}):
        here = msgspec.structs.replace(given, **free)
        assert TrialStore(location(kept, journal, here), names).resumed > 0
    other = msgspec.structs.replace(given, newer=4)
    with pytest.raises(TuningError, match=r"options.newer was None, and is 4"):
        TrialStore(location(kept, journal, other), names)


def test_a_search_that_learned_by_the_rules_of_then_is_refused_with_the_way_out(
    tmp_path, monkeypatch
):
    log = random_log(200, 2, seed=1)
    monkeypatch.setattr(
        repeat, "recorded_about", lambda *_: {"options.policy": "auto", "routelab": "0.1.0"}
    )
    given = Options(name="mine", trials=5, storage=str(tmp_path / "t.log"))
    with pytest.raises(TuningError) as refused:
        tune(log, given)
    (problem,) = refused.value.problems
    assert "study 'mine' there was begun by routelab 0.1.0 with `policy='auto'`" in problem
    assert problem.endswith(
        "give another `storage` or `Options.name`, or `fresh=True` to begin anew"
    )
    told = []
    again = repeat.as_begun(msgspec.structs.replace(given, fresh=True), told.append)
    assert (again.pool, told) == (True, [])
    cascades = repeat.as_begun(msgspec.structs.replace(given, policy="cascade"), told.append)
    assert not cascades.pool  # which learn nothing, and go on


def test_a_stored_search_serves_other_points_and_budgets_of_the_same_study(tmp_path):
    log = random_log(600, 3, seed=1)
    told = []

    def studied(**options):
        given = {"name": "mine", "policy": "cascade", "trials": 20, **options}
        return tune(log, Options(**given, storage=str(tmp_path / "t.log")), notify=told.append)

    knee = studied(point="knee")
    assert knee.search.resumed == 0
    for point in ("most-quality", "least-cost", "knee"):
        again = studied(point=point)
        assert again.search.resumed == 20
        assert again.points[0].name == point
        fresh = tune(log, Options(name="mine", policy="cascade", trials=20, point=point))
        assert again.policy == fresh.policy
    assert not any("rules it was begun with" in it for it in told)
    with pytest.raises(TuningError, match="bounds was"):
        studied(bounds=Bounds(max_usd_per_1k=3.0))
    with pytest.raises(TuningError, match="seed was 0, and is 1"):
        studied(seed=1)


def test_a_budget_may_change_between_runs_of_a_stored_search(tmp_path):
    log = random_log(400, 2, seed=1)

    def studied(budget_s):
        given = Options(name="mine", trials=60, budget_s=budget_s, storage=str(tmp_path / "t.log"))
        return tune(log, given)

    first = studied(2.0)
    assert "utility" not in first.plan.kinds
    longer = studied(3.0)
    assert longer.search.resumed == min(first.plan.trials, longer.plan.trials) > 0
