"""Tensors of a policy: found by name, and checked before anything is computed with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from routelab.errors import PolicyError

if TYPE_CHECKING:
    import numpy.typing as npt

Tensors: TypeAlias = "Mapping[str, npt.NDArray[Any]]"
"""Arrays by name, as `weights.safetensors` holds them."""


class TensorSpec(NamedTuple):
    """A tensor as its user expects it.

    Attributes:
        name: in `weights.safetensors`.
        dtype: of numpy, such as "float64".
        shape: length of each axis; None for any.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def take_tensors(tensors: Tensors, *wanted: TensorSpec) -> Sequence[npt.NDArray[Any]]:
    """The tensors wanted, in this order.

    Raises:
        PolicyError: one is missing, of another type or shape, or not finite; names all.
    """
    problems = [problem for want in wanted for problem in _problems(tensors, want)]
    if problems:
        raise PolicyError(*problems)
    return [tensors[want.name] for want in wanted]


def _problems(tensors: Tensors, want: TensorSpec) -> Iterator[str]:
    found = tensors.get(want.name)
    if found is None:
        there = ", ".join(sorted(tensors)) or "none"
        yield f"no tensor {want.name!r}; there are: {there}"
        return
    if found.dtype != np.dtype(want.dtype):
        yield f"tensor {want.name!r} is {found.dtype}; it must be {want.dtype}"
    elif found.dtype.kind == "f" and not np.isfinite(found).all():
        yield f"tensor {want.name!r} holds NaN or infinity; every number must be finite"
    if not _fits(found.shape, want.shape):
        yield f"tensor {want.name!r} has shape {found.shape}; it must be {_shape(want.shape)}"


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or want == length for want, length in zip(wanted, shape, strict=True)
    )


def _shape(shape: tuple[int | None, ...]) -> str:
    lengths = ["any" if length is None else str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"
