"""How many requests would settle a question that an interval left open.

An interval of a mean narrows with the square root of the number of requests; the
estimate is taken to stay where it is.
"""

from __future__ import annotations

import math


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
