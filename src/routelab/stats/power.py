"""How many requests would settle a question that an interval left open.

An interval of a mean narrows with the square root of the number of requests; the
estimate is taken to stay where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_EIGHTY, _NINETY_FIVE = 1.2815515655446004, 1.959963984540054
"""Standard errors of a normal that hold 80 and 95 of 100."""


def requests_above(estimate: float, half_width: float, n: int, bound: float = 0.0) -> int | None:
    """Requests until the interval's lower end lies above the bound.

    Args:
        half_width: estimate minus the lower end of its interval, at n requests.
        bound: in units of the estimate.
    Returns:
        None if no number of requests would do: the estimate is not above the bound.
    Raises:
        ValueError: an estimate, half-width or bound that is not finite, a negative
            half-width, or no request.
    """
    return _requests(estimate - bound, half_width, n)


def requests_below(estimate: float, half_width: float, n: int, bound: float) -> int | None:
    """Requests until the interval's upper end lies below the bound.

    Args:
        half_width: the upper end of its interval minus the estimate, at n requests.
        bound: in units of the estimate.
    Returns:
        None if no number of requests would do: the estimate is not below the bound.
    Raises:
        ValueError: as `requests_above`.
    """
    return _requests(bound - estimate, half_width, n)


def requests_to_settle(estimate: float, half_width: float, n: int, margin: float) -> int | None:
    """Requests until a gain is proven positive, or proven smaller than the margin.

    Args:
        estimate: of the gain, with the half-width of its interval at n requests.
        margin: a gain below it is not worth routing for.
    Returns:
        The smaller of both numbers; None if neither can be had.
    Raises:
        ValueError: as `requests_above`.
    """
    answers = (
        requests_above(estimate, half_width, n),
        requests_below(estimate, half_width, n, margin),
    )
    return min((answer for answer in answers if answer is not None), default=None)


def requests_range(
    estimate: float, half_width: float, n: int, bound: float = 0.0
) -> tuple[int, int | None] | None:
    """Between which numbers of requests the one that settles a question lies, 80 times of 100.

    The number goes with the square of a distance that is itself not known better than the
    interval says: with a normal error, the true distance lies within 1.28 standard errors of the
    estimate 80 times of 100.

    Args:
        estimate, half_width, n, bound: as in `requests_above`; to lie below the bound, pass
            both negated.
    Returns:
        The least, and the most, None where no number may do; None if the estimate is not
        above the bound.
    Raises:
        ValueError: as `requests_above`.
    """
    if requests_above(estimate, half_width, n, bound) is None:
        return None
    error = _EIGHTY / _NINETY_FIVE * half_width
    least = requests_above(estimate + error, half_width, n, bound)
    assert least is not None  # the estimate alone is above the bound
    return least, requests_above(estimate - error, half_width, n, bound)


def settling_range(
    estimate: float, half_width: float, n: int, margin: float
) -> tuple[int, int | None] | None:
    """`requests_range` of what `requests_to_settle` counts: the question that is settled first.

    Args:
        estimate, half_width, n, margin: as there.
    Raises:
        ValueError: as `requests_above`.
    """
    above = requests_above(estimate, half_width, n)
    below = requests_below(estimate, half_width, n, margin)
    if above is None and below is None:
        return None
    if below is None or (above is not None and above <= below):
        return requests_range(estimate, half_width, n)
    return requests_range(-estimate, half_width, n, -margin)


def range_text(numbers: tuple[int, int | None]) -> str:
    """A range of numbers of requests in words, rounded to two digits.

    >>> range_text((897, 4031)), range_text((52, None))
    ('between 890 and 4,100', '52 or more')

    Args:
        numbers: as `requests_range` gives them.
    """
    least, most = numbers
    if most is None:
        return f"{_rounded(least, math.floor):,} or more"
    return f"between {_rounded(least, math.floor):,} and {_rounded(most, math.ceil):,}"


def _rounded(number: int, to: Callable[[float], int]) -> int:
    step = 10 ** max(0, len(str(number)) - 2)
    return int(to(number / step) * step)


def _requests(distance: float, half_width: float, n: int) -> int | None:
    if not math.isfinite(distance):
        raise ValueError(f"estimate minus bound is {distance}; it must be finite")
    if not (math.isfinite(half_width) and half_width >= 0.0):
        raise ValueError(f"half-width is {half_width}; it must be finite and not negative")
    if n < 1:
        raise ValueError(f"n is {n}; an interval needs at least one request")
    if distance <= 0.0:
        return None
    ratio = half_width / distance
    needed = n * ratio * ratio
    return math.floor(needed) + 1 if math.isfinite(needed) else None
