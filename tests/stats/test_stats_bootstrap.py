import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.stats.bootstrap import Interval, Resamples, interval


def rows(n, k, seed=0):
    return np.random.default_rng(seed).normal(size=(n, k))


def test_equal_columns_have_equal_means_wherever_they_stand():
    columns = rows(5000, 13)
    columns[:, 12] = columns[:, 4] = columns[:, 0]
    means = Resamples(n_resamples=50).means(columns)
    assert np.array_equal(means[:, 0], means[:, 4])
    assert np.array_equal(means[:, 0], means[:, 12])


@pytest.mark.parametrize("n", [1, 7, 4096, 4097, 9000])
def test_a_column_has_the_same_means_alone_and_among_others(n):
    columns = rows(n, 9)
    resamples = Resamples(n_resamples=30, seed=5)
    together = resamples.means(columns)
    for column in range(9):
        assert np.array_equal(resamples.means(columns[:, [column]])[:, 0], together[:, column])


def test_fewer_resamples_are_the_first_of_many():
    columns = rows(30_000, 2)  # several chunks of resamples
    many = Resamples(n_resamples=100).means(columns)
    assert np.array_equal(Resamples(n_resamples=40).means(columns), many[:40])


def test_the_seed_decides_and_nothing_else():
    columns, groups = rows(300, 2), np.arange(300) % 40
    first = Resamples(groups, 20, seed=1).means(columns)
    assert np.array_equal(first, Resamples(groups, 20, seed=1).means(columns))
    assert not np.array_equal(first, Resamples(groups, 20, seed=2).means(columns))


def test_what_groups_are_called_does_not_matter():
    columns, groups = rows(300, 2), np.arange(300) % 40
    names = np.array([f"user {(37 * group) % 40}" for group in groups], dtype=object)
    assert np.array_equal(Resamples(groups, 20).means(columns), Resamples(names, 20).means(columns))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 10))
def test_copies_of_a_row_in_one_group_say_nothing_new(n, copies, seed):
    columns = rows(n, 3, seed)
    groups = np.repeat(np.arange(n), copies)
    alone = Resamples(n_resamples=25, seed=seed).means(columns)
    copied = Resamples(groups, 25, seed=seed).means(np.repeat(columns, copies, axis=0))
    assert copied == pytest.approx(alone, abs=1e-12)


def test_a_mean_is_over_rows_so_that_large_groups_weigh_more():
    groups = np.array([0, 1, 1, 1])
    means = Resamples(groups, 200).means(np.array([[0.0], [1.0], [1.0], [1.0]]))[:, 0]
    assert set(means.tolist()) == {0.0, 0.75, 1.0}


def test_one_group_leaves_no_doubt():
    columns = rows(100, 2)
    means = Resamples(np.zeros(100), 10).means(columns)
    assert means == pytest.approx(np.tile(columns.mean(axis=0), (10, 1)))


def test_the_difference_of_two_columns_is_a_paired_one():
    columns, groups = rows(500, 2), np.arange(500) % 90
    means = Resamples(groups, 60).means(columns)
    difference = Resamples(groups, 60).means(columns[:, :1] - columns[:, 1:])
    assert means[:, 0] - means[:, 1] == pytest.approx(difference[:, 0], abs=1e-12)


def test_the_spread_is_that_of_a_mean():
    column = rows(2000, 1)
    spread = Resamples(n_resamples=2000).means(column).std()
    assert spread == pytest.approx(column.std() / np.sqrt(2000), rel=0.08)


def test_interval_leaves_the_same_share_out_at_both_ends():
    samples = np.random.default_rng(0).permutation(1001) / 1000
    assert interval(samples) == Interval(pytest.approx(0.025), pytest.approx(0.975))
    assert interval(samples, level=0.5) == Interval(pytest.approx(0.25), pytest.approx(0.75))


def coverages(repetitions, n_groups, n_resamples, *, clustered):
    """Shares of repetitions whose intervals hold the true mean, and the true difference."""
    rng = np.random.default_rng(2)
    held = np.zeros(2)
    for repetition in range(repetitions):
        labels = np.repeat(np.arange(n_groups), rng.integers(1, 8, size=n_groups))
        first = rng.normal(size=n_groups)[labels] + rng.normal(size=len(labels))
        second = first - 0.2 + rng.normal(size=n_groups)[labels] + rng.normal(size=len(labels))
        columns = np.column_stack([first, second])
        groups = labels if clustered else None
        means = Resamples(groups, n_resamples, seed=repetition).means(columns)
        for index, (samples, truth) in enumerate(
            [(means[:, 0], 0.0), (means[:, 0] - means[:, 1], 0.2)]
        ):
            low, high = interval(samples)
            held[index] += low <= truth <= high
    return held / repetitions


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    repetitions = 500
    noise = 3.0 * np.sqrt(0.95 * 0.05 / repetitions)
    for share in coverages(repetitions, 120, 300, clustered=True):
        assert abs(share - 0.95) <= noise


def test_ignoring_groups_would_not():
    assert max(coverages(200, 120, 300, clustered=False)) < 0.88


@pytest.mark.slow
def test_coverage_is_between_93_and_97_percent_in_many_repetitions():
    for share in coverages(4000, 200, 1000, clustered=True):
        assert 0.93 <= share <= 0.97


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (np.ones(3), r"columns has shape \(3,\)"),
        (np.array([[1.0, np.nan], [1.0, 2.0], [1.0, 1.0]]), r"columns\[0, 1\] is nan"),
        (np.array([[1.0], [np.inf], [-np.inf]]), r"columns\[1, 0\] is inf \(and 1 more\)"),
        (np.ones((2, 1)), "columns has 2 rows and groups 3"),
        (np.ones((0, 1)), "not empty"),
    ],
)
def test_columns_that_cannot_be_averaged_are_named(columns, message):
    with pytest.raises(ValueError, match=message):
        Resamples(np.array(["a", "a", "b"])).means(columns)


def test_bad_resamples_are_named():
    with pytest.raises(ValueError, match="n_resamples is 0"):
        Resamples(n_resamples=0)
    with pytest.raises(ValueError, match=r"groups has shape \(2, 2\)"):
        Resamples(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"groups\[1\] is None"):
        Resamples(np.array(["a", None], dtype=object))
    with pytest.raises(ValueError, match=r"groups\[0\] is nan"):
        Resamples(np.array([np.nan, 1.0]))


def test_bad_intervals_are_named():
    with pytest.raises(ValueError, match=r"level is 95"):
        interval(np.ones(3), level=95)
    with pytest.raises(ValueError, match=r"samples\[1\] is nan"):
        interval([0.0, float("nan")])
