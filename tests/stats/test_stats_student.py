import pytest
from scipy.stats import t

from routelab.stats import student_quantile, student_tail


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 59, 60, 61, 500, 10**6])
def test_quantile_and_tail_are_those_of_student(freedom):
    assert student_quantile(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-6)
    if freedom < 10**6:
        assert student_tail(2.1, freedom) == pytest.approx(2 * t.sf(2.1, freedom), abs=1e-10)


def test_a_fraction_of_a_degree_is_dropped():
    assert student_quantile(2.9) == student_quantile(2)
    assert student_quantile(0.3) == student_quantile(1)
