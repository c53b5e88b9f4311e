"""Checked arrays: what enters a figure is finite, aligned and has the shape it should."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from routelab.core import Bools, Floats


def vector(name: str, values: npt.ArrayLike) -> Floats:
    """The values as finite float64.

    Args:
        name: how an error calls them.
        values: (n,), n >= 1.
    Raises:
        ValueError: another shape, no value, NaN or infinite.
    """
    return _checked(name, values, dimensions=1)


def matrix(name: str, values: npt.ArrayLike) -> Floats:
    """The values as finite float64, shape (rows, columns), neither of them zero.

    Raises:
        ValueError: another shape, no value, NaN or infinite.
    """
    return _checked(name, values, dimensions=2)


def ranking(name: str, values: npt.ArrayLike) -> Floats:
    """Scores of which only the order counts: (n,), infinite ones welcome.

    Raises:
        ValueError: another shape, no value, or NaN.
    """
    array = _shaped(name, values, dimensions=1)
    _refuse(name, array, np.isnan(array), "have an order")
    return array


def within(name: str, values: npt.ArrayLike, low: float, high: float) -> Floats:
    """(n,) values of [low, high].

    Args:
        name: how an error calls them.
        values: (n,), n >= 1.
        low, high: both included.
    Raises:
        ValueError: as `vector`, or a value outside the range.
    """
    array = vector(name, values)
    _refuse(name, array, (array < low) | (array > high), f"lie in [{low:g}, {high:g}]")
    return array


def align(**arrays: Floats) -> None:
    """Refuse arrays that differ in their number of rows.

    Raises:
        ValueError: names every array and its number of rows.
    """
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in rows.items())
        raise ValueError(f"as many rows are needed in each: {listed}")


def same_shape(**arrays: Floats) -> None:
    """Refuse arrays that differ in shape.

    Raises:
        ValueError: names every array and its shape.
    """
    if len({array.shape for array in arrays.values()}) > 1:
        listed = ", ".join(f"{name} has {array.shape}" for name, array in arrays.items())
        raise ValueError(f"one shape is needed: {listed}")


def _checked(name: str, values: npt.ArrayLike, dimensions: int) -> Floats:
    array = _shaped(name, values, dimensions)
    _refuse(name, array, ~np.isfinite(array), "be finite")
    return array


def _shaped(name: str, values: npt.ArrayLike, dimensions: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or not array.size:
        axes = "(n,)" if dimensions == 1 else "(rows, columns)"
        raise ValueError(f"{name} has shape {array.shape}; it must be {axes} and not empty")
    return array


def _refuse(name: str, array: Floats, bad: Bools, rule: str) -> None:
    if not bad.any():
        return
    first = tuple(int(index) for index in np.argwhere(bad)[0])
    where = ", ".join(map(str, first))
    others = int(bad.sum()) - 1
    more = f" (and {others} more)" if others else ""
    raise ValueError(f"{name}[{where}] is {array[first]}{more}; it must {rule}")
