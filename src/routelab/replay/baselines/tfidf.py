"""What the words of prompts say of quality: ridge regression and nearest neighbours on TF-IDF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags  # type: ignore[import-untyped]

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.signals.features import HashedWords
from routelab.stats import evenly

Csr = Any
"""A scipy.sparse.csr_matrix, which has no types."""

PENALTY = 1.0
"""Of ridge regression, on rows of length one: what scikit-learn takes by default."""

TWICE = 2
"""Prompts that have a word or pair which is looked at."""

NEAREST, MOST_KNOWN = 20, 4000
"""Neighbours, and prompts that they are looked for among, evenly of more."""

STEPS, PRECISION, DECIMALS = 60, 1e-4, 6
"""Of the regression, relative precision; further decimals are cut off, so that no last bit decides
between models."""

BLOCK = 1000
"""Requests that are compared with all others at once."""


def words(reference: Log, log: Log) -> tuple[Csr, Csr]:
    """(r, width) and (n, width) words and pairs of words as rows of length one.

    Args:
        reference: whose prompts say how rare words are.
        log: of which prompts are only counted.
    """
    known, asked = (_counted(it) for it in (reference, log))
    seen = np.bincount(known.indices, minlength=known.shape[1])
    kept = np.flatnonzero(seen >= TWICE)
    rare = np.log((1.0 + known.shape[0]) / (1.0 + seen[kept])) + 1.0
    return _weighted(known[:, kept], rare), _weighted(asked[:, kept], rare)


def ridge(known: Csr, quality: Floats, asked: Csr) -> Floats:
    """(n, m) quality expected by ridge regression, each model by itself.

    Solved in its dual form by conjugate gradients, for all models at once.

    Args:
        known: (r, width) prompts; quality: (r, m).
        asked: (n, width) prompts.
    """
    centre = np.asarray(known.mean(axis=0))
    turned = known.T.tocsr()
    mean = quality.mean(axis=0)

    def weights(dual: Floats) -> Floats:
        return np.asarray(turned @ dual - centre.T @ dual.sum(axis=0, keepdims=True))

    def applied(dual: Floats) -> Floats:
        found = weights(dual)
        return np.asarray(known @ found - centre @ found + PENALTY * dual)

    found = weights(_solved(applied, quality - mean))
    return np.asarray(np.round(mean + asked @ found - centre @ found, DECIMALS))


def _solved(applied: Callable[[Floats], Floats], wanted: Floats) -> Floats:
    """What a positive definite map makes the columns wanted of, nearly.

    Source: Hestenes & Stiefel 1952.
    """
    solution, rest, step = np.zeros(wanted.shape), wanted.copy(), wanted.copy()
    left = np.sum(rest * rest, axis=0)
    enough = PRECISION**2 * left
    for _ in range(STEPS):
        if (left <= enough).all():
            break
        image = applied(step)
        along = np.sum(step * image, axis=0)
        size = np.divide(left, along, out=np.zeros_like(left), where=along > 0.0)
        solution += size * step
        rest -= size * image
        before, left = left, np.sum(rest * rest, axis=0)
        step = rest + np.divide(left, before, out=np.zeros_like(left), where=before > 0.0) * step
    return solution


def nearest(known: Csr, quality: Floats, asked: Csr) -> Floats:
    """(n, m) mean quality on the prompts that share most words, by the cosine.

    Args:
        known: (r, width) prompts; quality: (r, m).
        asked: (n, width) prompts.
    """
    kept = evenly(known.shape[0], MOST_KNOWN)
    among, of = known[kept].T.tocsc(), quality[kept]
    most = min(NEAREST, len(kept))
    found = np.empty((asked.shape[0], quality.shape[1]))
    for start in range(0, len(found), BLOCK):
        alike = (asked[start : start + BLOCK] @ among).toarray()
        rows = np.argpartition(-alike, most - 1, axis=1)[:, :most]
        found[start : start + BLOCK] = of[rows].mean(axis=1)
    return np.asarray(np.round(found, DECIMALS))


def _counted(log: Log) -> Csr:
    assert log.texts is not None
    every = np.arange(len(log))
    requests = [
        log.requests.request(int(row)).saying(said).reading(log.reads)
        for row, said in zip(every, log.texts.messages(every), strict=True)
    ]
    found = HashedWords().bind({}).matrix(requests)
    return csr_matrix((found.values, found.indices, found.indptr), shape=(len(found), found.width))


def _weighted(counted: Csr, rare: Floats) -> Csr:
    weighted = counted @ diags(rare)
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return diags(1.0 / np.where(length > 0.0, length, 1.0)) @ weighted
