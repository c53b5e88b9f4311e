"""Sparse numbers: what features say of one request, or of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints


class Vector(NamedTuple):
    """One request's features.

    Attributes:
        indices: (nnz,) columns, ascending.
        values: (nnz,) finite.
    """

    indices: Ints
    values: Floats


class Matrix(NamedTuple):
    """Many requests' features in compressed rows.

    Attributes:
        indptr: (n + 1,) where each row begins and ends.
        indices: (nnz,) columns, ascending within a row.
        values: (nnz,) finite.
        width: number of columns.
    """

    indptr: Ints
    indices: Ints
    values: Floats
    width: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def rows(self) -> Ints:
        """(nnz,) the row of every value."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.indptr))

    def dense(self) -> Floats:
        """(n, width), with zero where nothing is stored."""
        full = np.zeros((len(self), self.width))
        full[self.rows, self.indices] = self.values
        return full


def stack(vectors: Sequence[Vector], width: int) -> Matrix:
    """Vectors of equal width as the rows of a matrix."""
    indptr = np.zeros(len(vectors) + 1, dtype=np.int64)
    np.cumsum([len(vector.indices) for vector in vectors], out=indptr[1:])
    return Matrix(indptr, *_joined(vectors), width)


def joined_vectors(vectors: Sequence[Vector], widths: Sequence[int]) -> Vector:
    """Vectors of one request as one, the columns of each after those before."""
    if len(vectors) == 1:
        return vectors[0]
    indices, start = [], 0
    for vector, width in zip(vectors, widths, strict=True):
        indices.append(vector.indices + start if start else vector.indices)
        start += width
    return Vector(np.concatenate(indices), np.concatenate([vector.values for vector in vectors]))


def joined_matrices(matrices: Sequence[Matrix], n: int) -> Matrix:
    """Matrices of n rows as one, the columns of each after those before."""
    if len(matrices) == 1:
        return matrices[0]
    starts = np.cumsum([0, *(matrix.width for matrix in matrices)], dtype=np.int64)
    rows = np.concatenate([np.empty(0, np.int64), *(matrix.rows for matrix in matrices)])
    order = np.argsort(rows, kind="stable")
    indices, values = _joined(
        [
            Vector(matrix.indices + start, matrix.values)
            for matrix, start in zip(matrices, starts, strict=False)
        ]
    )
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
    return Matrix(indptr, indices[order], values[order], int(starts[-1]))


def _joined(vectors: Sequence[Vector]) -> Vector:
    if not vectors:
        return Vector(np.empty(0, np.int64), np.empty(0))
    return Vector(
        np.concatenate([vector.indices for vector in vectors]),
        np.concatenate([vector.values for vector in vectors]),
    )
