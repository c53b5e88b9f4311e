"""Bounds are proved on requests nothing was chosen on, along a path fixed before."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from msgspec import structs
from scipy.stats import binom
from tuning_world import log_of, random_log

from routelab.core.catalogue import Parameters
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.errors import TuningError
from routelab.logs.model.splits import PARTS, split
from routelab.policies import Cascade, Fixed
from routelab.policy_file import Certificate, load
from routelab.replay import comparison_set
from routelab.stats import wealth
from routelab.stats.bounded_sums import grouped
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.certify import CertificateDemand, Evidence, largest_group, parse, prove
from routelab.tuning.study.export import as_json, save

REGRET = CertificateDemand("regret", 0.08)
COST = CertificateDemand("cost", 5.0)
QUALITY = CertificateDemand("quality", 0.6)
SMALL = Fixed("small")
CASCADE = Cascade(("small", "large"), (0.55,), "confidence")


def evidence(log, part="all", largest=None, **options):
    cut = split(log, group="id", need_all_parts=False, **options)
    here = comparison_set(log, cut, part, log.models, catalogue=Catalogue(), seed=0, learn=False)
    return Evidence(here, largest or largest_group(cut))


def by_conversation(log, size):
    groups = np.array([f"g{row // size}" for row in range(len(log))], dtype=object)
    return replace(log, requests=replace(log.requests, group=groups))


@pytest.fixture(scope="module")
def log():
    return random_log(6000, 3, seed=1)


@pytest.fixture(scope="module")
def certified(log):
    return tune(log, Options(name="c", trials=20, certify=(REGRET,), policy="cascade"))


def without_calibrate(log):
    """The log with the same parts, but for calibrate: what a study without one searches."""
    cut = split(log)
    kept = log.take(np.sort(np.concatenate([cut.rows(it) for it in ("train", "tune", "test")])))
    parts = np.array(PARTS)[cut.part]
    marks = dict(zip(cut.ids.tolist(), parts.tolist(), strict=True))
    marked = np.array([marks[it] for it in kept.requests.id.tolist()])
    return replace(kept, requests=replace(kept.requests, split=marked))


def test_claims_hold_the_values_that_the_replay_has(log):
    here = evidence(log.take(np.arange(300)))
    done, alone = here.comparison.replay(CASCADE), here.comparison.fixed()
    claims = here.claims(
        [REGRET, CertificateDemand("regret", 0.1, "large"), COST, QUALITY], CASCADE, 1.0
    )
    assert [it.model for it in claims] == ["small", "middle", "large", "large", None, None]
    for claim, replay in zip(claims[:3], alone, strict=True):
        expected = replay.quality.mean() - done.quality.mean()
        assert claim.sample.estimate.mean == pytest.approx(expected)
        assert (claim.sample.low, claim.sample.high) == (-1.0, 1.0)
    assert claims[4].sample.estimate.mean == pytest.approx(1000 * done.cost_usd.mean())
    assert claims[4].sample.high == 1000.0
    assert claims[5].sample.estimate.mean == pytest.approx(-done.quality.mean())
    assert claims[5].bound == -0.6


def test_the_order_of_testing_does_not_follow_the_log():
    log = random_log(200, 2, seed=2)
    turned = log.take(np.arange(200)[::-1])
    one, other = (
        it.claims([REGRET], Fixed("small"))[1].sample for it in (evidence(log), evidence(turned))
    )
    assert one.sums.tolist() == other.sums.tolist()
    plain = (log.quality[:, 1] - log.quality[:, 0]).tolist()
    assert sorted(one.sums) == sorted(plain)
    assert one.sums.tolist() != plain


def test_a_conversation_counts_once_and_no_longer_than_was_known_before():
    log = by_conversation(random_log(400, 2, seed=3), 4)
    cut = split(log)
    here = comparison_set(
        log, cut, "calibrate", log.models, catalogue=Catalogue(), seed=0, learn=False
    )
    assert largest_group(cut) == 4
    whole, first = Evidence(here, 4), Evidence(here, 3)
    assert set(whole.sizes) == {4.0}
    assert (whole.n_left_out, first.n_left_out) == (0, len(here.log) // 4)
    sample = whole.claims([QUALITY], Fixed("small"))[0].sample
    expected = grouped(-here.log.quality[:, 0], here.groups, -1.0, 0.0)
    assert sorted(sample.sums) == sorted(expected.sums)
    assert first.claims([QUALITY], Fixed("small"))[0].sample.sizes.max() == 3


def test_regret_to_the_best_is_regret_to_every_candidate(log):
    here = evidence(log)
    best = prove(CASCADE, [REGRET], 0.1, here, group="id").goals[0]
    each = [
        prove(CASCADE, [CertificateDemand("regret", 0.08, name)], 0.1, here, group="id").goals[0]
        for name in log.models
    ]
    assert best.p_value == max(it.p_value for it in each)
    assert best.limit == max(it.limit for it in each)
    assert best.against == max(each, key=lambda it: (it.p_value, it.estimate)).reference


def test_together_is_as_hard_as_the_hardest(log):
    here = evidence(log, "calibrate")
    both = prove(CASCADE, [QUALITY, COST], 0.1, here, group="id", ceiling_usd=0.1)
    alone = [prove(CASCADE, [it], 0.1, here, group="id", ceiling_usd=0.1) for it in (QUALITY, COST)]
    assert both.holds == all(it.holds for it in alone)
    assert [it.p_value for it in both.goals] == [it.goals[0].p_value for it in alone]


def test_limits_are_those_of_the_bet(log):
    here = evidence(log, "calibrate")
    found = prove(CASCADE, [QUALITY, COST], 0.1, here, group="id", ceiling_usd=0.1)
    done = here.comparison.replay(CASCADE)
    quality, cost = found.goals
    assert quality.limit < quality.estimate == pytest.approx(done.quality.mean())
    assert cost.limit > cost.estimate == pytest.approx(1000 * done.cost_usd.mean())
    sample = here.claims([COST], CASCADE, 0.1)[0].sample
    assert cost.limit == wealth.upper(sample, 0.1)


def test_a_dearer_request_than_was_assumed_refutes_a_bound_on_cost(log):
    here = evidence(log, "calibrate")
    dearest = float(here.comparison.replay(CASCADE).cost_usd.max())
    found = prove(
        CASCADE, [CertificateDemand("cost", 100.0)], 0.1, here, group="id", ceiling_usd=dearest / 2
    )
    assert not found.holds
    assert (found.goals[0].p_value, found.goals[0].refuted) == (1.0, True)
    assert "a request cost more than the" in found.text


def test_the_last_point_that_passes_is_exported(certified, log):
    proved = certified.certificate
    assert proved.holds
    assert 0 < proved.passed <= proved.path
    assert certified.points[0].name == "certified"
    assert proved.goals[0].p_value <= 0.1
    plain = tune(without_calibrate(log), Options(name="c", trials=20, policy="cascade"))
    assert plain.certificate is None
    assert plain.points[0].point in [it.point for it in certified.points]
    best = max(plain.front, key=lambda it: it.score.quality)
    assert certified.points[0].point.score.usd_per_1k < best.score.usd_per_1k


def test_the_path_is_fixed_before_the_calibrate_part_is_read(log, certified):
    """Other outcomes there change where the path stops, and nothing before."""
    rows = certified.split.rows("calibrate")
    changed = replace(log, quality=log.quality.copy(order="F"))
    changed.quality[rows] = log.quality[rows[::-1]]
    other = tune(changed, Options(name="c", trials=20, certify=(REGRET,), policy="cascade"))
    assert other.certificate.path == certified.certificate.path
    assert other.front == certified.front


def test_test_is_read_only_after_the_export(log, certified):
    rows = certified.split.rows("test")
    changed = replace(log, quality=log.quality.copy(order="F"))
    changed.quality[rows] = 0.0
    other = tune(changed, Options(name="c", trials=20, certify=(REGRET,), policy="cascade"))
    assert other.policy == certified.policy
    assert other.certificate.goals[0].p_value == certified.certificate.goals[0].p_value


def test_where_nothing_passes_the_export_is_unchanged_and_it_is_said_what_would_do(log):
    few = log.take(np.arange(600))
    strict = CertificateDemand("regret", 0.01)
    found = tune(few, Options(name="c", trials=20, certify=(strict,), policy="cascade"))
    plain = tune(without_calibrate(few), Options(name="c", trials=20, policy="cascade"))
    assert found.policy == plain.policy
    assert [it.name for it in found.points] == [it.name for it in plain.points]
    proved = found.certificate
    assert (proved.holds, proved.passed) == (False, 0)
    assert proved.safest_needed > proved.n_requests
    assert f"about {proved.safest_needed:,} would certify the safest" in proved.text
    assert found.verdict.word != "ship"
    assert any("not certified" in reason for reason in found.verdict.reasons)


def test_no_number_of_requests_certifies_what_is_not_so(log):
    here = evidence(log)
    found = prove(Fixed("small"), [CertificateDemand("regret", 0.01)], 0.1, here, group="id")
    assert found.requests_needed is None
    assert "no number of requests would certify this policy" in found.text


def test_a_bound_on_cost_alone_leads_to_the_most_quality(log):
    found = tune(
        log,
        Options(name="c", trials=20, certify=(CertificateDemand("cost", 1.0),), policy="cascade"),
    )
    assert found.certificate.holds
    assert found.certificate.goals[0].limit <= 1.0
    assert found.points[0].point.score.usd_per_1k > found.front[0].score.usd_per_1k
    assert found.certificate.goals[0].ceiling_usd > 0


def test_the_users_bounds_hold_along_the_path(log):
    ceiling = 2.0
    bounds = Bounds(max_usd_per_1k=ceiling)
    found = tune(
        log, Options(name="c", trials=20, bounds=bounds, certify=(QUALITY,), policy="cascade")
    )
    assert found.points[0].point.score.usd_per_1k <= ceiling


def test_a_certificate_that_later_requests_contradict_does_not_ship(log, certified):
    stamped = replace(
        log, requests=replace(log.requests, timestamp_s=np.arange(len(log), dtype=float))
    )
    late = replace(stamped, quality=log.quality.copy(order="F"))
    late.quality[4900:, 0] = 0.0  # the small model breaks after calibration, and boasts as before
    found = tune(late, Options(name="c", trials=20, certify=(REGRET,), policy="cascade"))
    goal = found.certificate.goals[0]
    assert found.certificate.holds
    assert goal.broken_later
    assert goal.later.drift_p < 1e-6
    assert found.verdict.word != "ship"
    assert any("does not hold on later requests" in it for it in found.verdict.reasons)
    assert not certified.certificate.goals[0].broken_later


def test_it_is_kept_in_every_file(certified, tmp_path):
    out = tmp_path / "c.policy"
    written = save(certified, out)
    assert written.document.certificate == certified.certificate == load(out).document.certificate
    stored = msgspec.json.decode((tmp_path / "c.study" / "study.json").read_bytes())
    again = msgspec.convert(stored["certificate"], Certificate)
    assert again == certified.certificate
    assert as_json(certified)["certificate"]["holds"] is True


@pytest.mark.slow
def test_learned_kinds_are_certified_with_the_scorers_that_ship(sample_log):
    options = Options(name="c", policy="tiers", certify=(CertificateDemand("regret", 0.1),))
    found = tune(sample_log, options)
    assert found.certificate.passed > 0


@pytest.mark.parametrize("text", ["regret", "regret=x", "speed=1", "cost=1:large", "regret=.1:"])
def test_a_text_that_is_no_bound_is_named(text):
    with pytest.raises(TuningError) as caught:
        parse([text, "regret=0.02", "nonsense"])
    assert caught.value.problems[0] == (
        f"`certify` {text}: write regret=0.02, regret=0.02:MODEL, regret=0.02/group,"
        " cost=1.5 or quality=0.9"
    )
    assert len(caught.value.problems) == 2


def test_a_model_may_have_a_colon_in_its_name():
    assert parse(["regret=0.02:llama:8b"]) == (CertificateDemand("regret", 0.02, "llama:8b"),)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"certify": (CertificateDemand("regret", 0.0),)}, "a bound lies between 0 and 1"),
        ({"certify": (CertificateDemand("regret", float("nan")),)}, "a bound lies between 0 and 1"),
        ({"certify": (CertificateDemand("quality", 1.0),)}, "a bound lies between 0 and 1"),
        ({"certify": (CertificateDemand("cost", -1.0),)}, "is positive"),
        (
            {"certify": (CertificateDemand("cost", 1.0), CertificateDemand("cost", 2.0))},
            "contradicts `certify` cost=1",
        ),
        ({"certify": (REGRET,), "delta": 0.0}, "`delta` is 0.0"),
        ({"certify": (REGRET,), "delta": 0.7}, "`delta` is 0.7"),
        ({"certify": (CertificateDemand("regret", 0.1, "huge"),)}, "'huge' is no candidate"),
        ({"certify": (CertificateDemand("quality", 0.999),)}, "comes closest has quality"),
        (
            {"certify": (CertificateDemand("quality", 0.8), CertificateDemand("cost", 0.2))},
            "keeps these on tune at once",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(log, options, message):
    with pytest.raises(TuningError, match=message):
        tune(log, Options(name="c", trials=5, **options))


def test_free_requests_do_not_break_a_bound_on_cost():
    log = log_of(np.ones((60, 2)), 0.0)
    here = evidence(log)
    found = prove(
        Fixed("small"), [CertificateDemand("cost", 0.5)], 0.1, here, group="id", ceiling_usd=0.001
    )
    assert found.goals[0].estimate == 0.0


def test_a_model_is_no_worse_than_itself_whatever_is_asked():
    """Nothing has to be measured for it."""
    here = evidence(random_log(2, 2, seed=1))
    found = prove(
        Fixed("middle"), [CertificateDemand("regret", 0.001, "middle")], 0.01, here, group="id"
    )
    assert found.holds
    assert (found.goals[0].p_value, found.goals[0].limit) == (0.0, 0.0)
    other = CertificateDemand("regret", 0.001, "small")
    assert not prove(Fixed("middle"), [other], 0.01, here, group="id").holds


def test_a_model_that_may_be_ruled_out_is_not_itself_by_identity():
    log = random_log(2, 2, seed=1)
    for known in (Catalogue({"middle": Model(context_window=8)}), Catalogue()):
        cut = split(log, group="id", need_all_parts=False)
        here = comparison_set(log, cut, "all", log.models, catalogue=known, seed=0, learn=False)
        (claim,) = Evidence(here, 1).claims(
            [CertificateDemand("regret", 0.001, "middle")], Fixed("middle")
        )
        assert claim.identical == (known == Catalogue())


def conversations(n, seed, lost=0.0):
    """Conversations of 1 to 40 turns, of which the small model loses a share as a whole."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 41, n)
    fails = np.repeat(rng.random(n) < lost, sizes)
    quality = np.column_stack([~fails, np.ones(len(fails))]).astype(float)
    log = log_of(quality, np.full((len(fails), 2), 0.5))
    names = np.repeat([f"c{it}" for it in range(n)], sizes).astype(object)
    requests = replace(log.requests, group=names, timestamp_s=np.arange(len(fails), dtype=float))
    return replace(log, requests=requests)


def by_groups(log, part="all"):
    cut = split(log, need_all_parts=False)
    here = comparison_set(log, cut, part, log.models, catalogue=Catalogue(), seed=0, learn=False)
    return Evidence(here, 40)


def test_well_below_two_hundred_conversations_are_enough_where_each_counts_once():
    (once,) = parse(["regret=0.03/group"])
    here = by_groups(conversations(130, 1))
    found = prove(Fixed("small"), [once], 0.1, here, group="conversation")
    assert found.holds
    assert found.goals[0].unit == "group"
    assert found.n_requests == len(here.comparison.log)
    assert "as a mean over conversations" in found.text
    each = prove(
        Fixed("small"), [CertificateDemand("regret", 0.03)], 0.1, here, group="conversation"
    )
    assert not each.holds
    assert "a bound with /group" in each.text


def test_a_conversation_counts_once_by_its_mean():
    log = conversations(200, 2, lost=0.3)
    (claim,) = by_groups(log).claims([CertificateDemand("quality", 0.5, unit="group")], SMALL)
    fails = {}
    for name, quality in zip(log.requests.group, log.quality[:, 0], strict=True):
        fails.setdefault(name, []).append(-quality)
    assert claim.sample.estimate.mean == pytest.approx(
        np.mean([np.mean(it) for it in fails.values()])
    )
    assert (claim.sample.low, claim.sample.high, claim.sample.largest) == (-1.0, 0.0, 1)


PRICED = Model(input_usd_per_mtok=1.0, output_usd_per_mtok=4.0, context_window=1000)


@pytest.mark.parametrize(
    ("models", "named", "expected"),
    [
        ({"small": PRICED}, None, (0.005, "limits")),
        ({"small": PRICED}, 0.25, (0.25, "named")),
        ({"small": structs.replace(PRICED, context_window=None)}, None, (0.004, "data")),
        ({"small": structs.replace(PRICED, cost_reported=True)}, None, (0.004, "data")),
        ({"small": structs.replace(PRICED, context_window=10)}, None, (0.004, "data")),
        ({"small": structs.replace(PRICED, parameters=Parameters(max_tokens=500))}, None,
         (0.003, "limits")),
        ({"small": structs.replace(PRICED, fallbacks=("dear",)),
          "dear": structs.replace(PRICED, input_usd_per_mtok=9.0)}, None, (0.013, "limits")),
        ({}, None, (0.004, "data")),
    ],
)  # fmt: skip
def test_a_ceiling_is_named_or_follows_from_limits_or_is_said_to_be_of_the_data(
    models, named, expected
):
    log = log_of(np.ones((50, 2)), 0.002)
    cut = split(log, group="id", need_all_parts=False)
    known = Catalogue(models)
    here = comparison_set(log, cut, "all", log.models, catalogue=known, seed=0, learn=False)
    found = Evidence(here, 1).ceiling(SMALL, named)
    assert (round(found.usd, 9), found.source) == expected


def test_a_ceiling_from_the_data_is_an_assumption_in_the_sentence(log):
    asked = (CertificateDemand("cost", 3.0),)
    found = tune(log, Options(name="c", trials=5, certify=asked, policy="cascade")).certificate
    assert found.goals[0].ceiling_from == "data"
    assert f"if no request costs over {found.goals[0].ceiling_usd:.4g} USD, twice the" in found.text
    assert any("taken from the data" in it for it in found.assumptions)
    options = Options(name="c", trials=5, certify=asked, policy="cascade", cost_ceiling_usd=0.05)
    named = tune(log, options).certificate
    assert (named.goals[0].ceiling_usd, named.goals[0].ceiling_from) == (0.05, "named")
    assert "taken from the data" not in " ".join((named.text, *named.assumptions))


def test_no_bet_is_fair_where_neighbours_in_time_are_alike():
    rng = np.random.default_rng(0)
    n = 900
    quality = (rng.random((n, 2)) < [0.8, 0.82]).astype(float)
    hours = rng.lognormal(0.0, 0.5, n // 30)[np.arange(n) // 30]
    cost = np.array([1e-3, 2e-3]) * hours[:, None]
    untimed = log_of(quality, cost)
    times = np.arange(n, dtype=np.float64)
    log = replace(untimed, requests=replace(untimed.requests, timestamp_s=times))
    bound = CertificateDemand("cost", 3000 * float(cost[:, 0].mean()))
    later, earlier = evidence(log.take(np.arange(600, n))), evidence(log.take(np.arange(600)))
    few = evidence(log.take(np.arange(600, 625)))
    usd = float(cost.max())
    policy = Fixed(log.models[0])
    found = prove(policy, [bound, QUALITY], 0.1, later, group="id", ceiling_usd=usd)
    assert not found.holds
    assert (found.goals[0].alike > 1, found.goals[1].alike) == (True, 1)
    assert "cost of neighbours in time is alike, over" in found.text
    assert "would certify" not in found.text
    assert prove(policy, [bound], 0.1, evidence(untimed), group="id", ceiling_usd=usd).holds
    assert prove(policy, [bound], 0.1, few, group="id", ceiling_usd=usd).goals[0].alike == 1
    known = prove(policy, [bound], 0.1, few, group="id", ceiling_usd=usd, earlier=earlier)
    assert known.goals[0].alike > 1


def test_many_models_do_not_break_a_bound_later_by_chance():
    """Regret to each of three equal models is the bound exactly; some is above it by chance."""
    rng, broken, times = np.random.default_rng(4), 0, 120
    for _ in range(times):
        quality = (rng.random((400, 4)) < 0.5).astype(float)
        log = log_of(quality, 0.001)
        here = evidence(log)
        found = prove(
            Fixed(log.models[0]),
            [CertificateDemand("regret", 1e-9)],
            0.1,
            here,
            group="id",
            later=Evidence(here.comparison, 400),
        )
        broken += found.goals[0].broken_later
    assert binom.sf(broken - 1, times, 0.05) > 1e-3
