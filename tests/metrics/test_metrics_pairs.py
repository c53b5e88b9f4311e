import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from routelab.metrics.pairs import (
    apgr,
    cpt,
    deferral_curve,
    normalised_area,
    oracle_area,
    pgr,
    random_area,
)

DATA = Path(os.environ.get("ROUTELAB_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
ROUTELLM = DATA / "routellm_gsm8k_mmlu.parquet"

qualities = st.sampled_from([0.0, 0.5, 1.0])
rows = st.lists(st.tuples(st.integers(0, 5), qualities, qualities), min_size=1, max_size=14)
examples = settings(deadline=None, max_examples=150)


def columns(triples):
    return np.array(triples, dtype=float).T


def some_pair(n=400, seed=0):
    rng = np.random.default_rng(seed)
    ability = rng.random(n)
    weak = (rng.random(n) < ability).astype(float)
    strong = (rng.random(n) < 0.5 + ability / 2).astype(float)
    return weak, strong, -ability


@examples
@given(rows)
def test_a_curve_gives_the_strong_model_what_scores_above_each_cut(triples):
    scores, weak, strong = columns(triples)
    curve = deferral_curve(scores, weak, strong)
    for cut in [np.inf, *np.unique(scores)]:
        share = np.mean(scores >= cut)
        quality = np.mean(np.where(scores >= cut, strong, weak))
        point = np.flatnonzero(np.isclose(curve.share, share))
        assert curve.quality[point] == pytest.approx([quality], abs=1e-12)
    assert len(curve.share) == len(np.unique(scores)) + 1


def test_tied_scores_are_escalated_in_random_order_on_average():
    weak, strong, ability = some_pair(60)
    tied = np.round(ability * 3)
    rng = np.random.default_rng(1)
    areas = [deferral_curve(tied + 1e-3 * rng.random(60), weak, strong).area for _ in range(2000)]
    noise = 4 * np.std(areas) / np.sqrt(len(areas))
    assert deferral_curve(tied, weak, strong).area == pytest.approx(np.mean(areas), abs=noise)


@examples
@given(rows)
def test_no_score_beats_the_oracle_nor_falls_below_its_opposite(triples):
    scores, weak, strong = columns(triples)
    area = deferral_curve(scores, weak, strong).area
    best = oracle_area(weak, strong)
    assert area <= best + 1e-12
    assert area >= 2 * random_area(weak, strong) - best - 1e-12


@examples
@given(rows)
def test_turning_a_score_round_turns_the_area_round(triples):
    scores, weak, strong = columns(triples)
    both = deferral_curve(scores, weak, strong).area + deferral_curve(-scores, weak, strong).area
    assert both == pytest.approx(2 * random_area(weak, strong), abs=1e-12)


def test_the_normalised_area_is_0_for_nothing_and_1_for_everything_known():
    weak, strong, ability = some_pair()
    assert normalised_area(np.zeros(400), weak, strong) == pytest.approx(0.0, abs=1e-12)
    assert normalised_area(strong - weak, weak, strong) == pytest.approx(1.0)
    assert normalised_area(weak - strong, weak, strong) == pytest.approx(-1.0)
    assert 0.0 < normalised_area(ability, weak, strong) < 1.0


def test_random_routing_recovers_half_the_gap():
    weak, strong, _ = some_pair(4000)
    assert apgr(np.full(4000, 0.3), weak, strong) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    draws = [apgr(rng.random(4000), weak, strong) for _ in range(100)]
    assert np.mean(draws) == pytest.approx(0.5, abs=4 * np.std(draws) / 10)


def test_the_models_themselves_recover_nothing_and_all():
    assert pgr([0.5, 0.6, 0.7], 0.5, 0.7).tolist() == pytest.approx([0.0, 0.5, 1.0])
    weak, strong, ability = some_pair(1000, seed=3)
    assert cpt(ability, weak, strong, 0.0) == 0.0
    assert cpt(ability, weak, strong, 1.0) <= 1.0
    assert cpt(np.zeros(1000), weak, strong, 0.8) == pytest.approx(0.8)


@examples
@given(rows, st.floats(-0.5, 1.5) | st.sampled_from([0.0, 0.5, 1.0]))
def test_cpt_is_the_first_share_that_recovers_so_much(triples, x):
    scores, weak, strong = columns(triples)
    assume(weak.mean() < strong.mean())
    curve = deferral_curve(scores, weak, strong)

    def recovered(share):
        return pgr(np.interp(share, *curve), curve.quality[0], curve.quality[-1])

    share = cpt(scores, weak, strong, x)
    before = np.linspace(0.0, 1.0 if np.isnan(share) else share, 200, endpoint=False)
    if np.isnan(share):
        assert recovered(curve.share).max() < x
    elif share == 0.0:
        assert x <= 0.0
    else:
        assert recovered(share) == pytest.approx(x, abs=1e-9)
        assert np.all(recovered(before) < x + 1e-9)


def test_infinite_scores_are_escalated_first_or_last():
    curve = deferral_curve([-np.inf, 0.0, np.inf], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    assert curve.quality.tolist() == pytest.approx([0.0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: apgr([1.0, np.nan], [0, 0], [1, 1]), r"scores\[1\] is nan"),
        (lambda: apgr([1.0, 2.0], [0, np.nan], [1, 1]), r"weak\[1\] is nan"),
        (lambda: apgr([1.0, 2.0], [0, 0], [1]), "scores has 2, weak has 2, strong has 1"),
        (lambda: apgr([[1.0]], [0], [1]), r"scores has shape \(1, 1\)"),
        (lambda: apgr([1.0, 2.0], [1, 1], [1, 0]), "no gap to recover"),
        (lambda: pgr(0.5, 0.7, 0.7), "strong model's quality is 0.7, the weak one's 0.7"),
        (lambda: cpt([1.0], [0], [1], np.nan), "x is nan"),
        (lambda: normalised_area([1.0, 2.0], [0, 0], [1, 1]), "every request gains 1"),
        (lambda: oracle_area([0, 0], [1]), "weak has 2, strong has 1"),
    ],
)
def test_what_has_no_value_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(scope="module")
def routellm():
    """Qualities of the pair and prompt lengths, by benchmark."""
    if not ROUTELLM.exists():
        pytest.skip(f"needs {ROUTELLM.name}; set ROUTELAB_DATA to the directory that holds it")
    import pyarrow.parquet as pq

    wanted = ["request_id", "task", "prompt", "model", "quality"]
    rows = pq.read_table(ROUTELLM, columns=wanted).to_pylist()
    requests = {}
    for row in rows:
        entry = requests.setdefault(row["request_id"], {"length": len(row["prompt"])})
        entry["benchmark"] = "gsm8k" if row["task"] == "gsm8k" else "mmlu"
        entry["strong" if row["model"].startswith("gpt-4") else "weak"] = row["quality"]
    return {
        name: {
            column: np.array(
                [e[column] for e in requests.values() if e["benchmark"] == name], dtype=float
            )
            for column in ("weak", "strong", "length")
        }
        for name in ("mmlu", "gsm8k")
    }


@pytest.mark.parametrize(
    ("benchmark", "n", "strong", "weak", "oracle", "length"),
    [("mmlu", 14_042, 0.806, 0.681, 1.29, 0.586), ("gsm8k", 1_319, 0.857, 0.638, 1.12, 0.60)],
)
def test_routellm_figures(routellm, benchmark, n, strong, weak, oracle, length):
    pair = routellm[benchmark]
    assert len(pair["weak"]) == n
    assert pair["strong"].mean() == pytest.approx(strong, abs=0.0005)
    assert pair["weak"].mean() == pytest.approx(weak, abs=0.0005)
    gain = pair["strong"] - pair["weak"]
    assert apgr(gain, pair["weak"], pair["strong"]) == pytest.approx(oracle, abs=0.005)
    by_length = apgr(pair["length"], pair["weak"], pair["strong"])
    assert by_length == pytest.approx(length, abs=0.005)
