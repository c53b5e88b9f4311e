"""From expected logarithms to expected amounts.

The exponential of an expected logarithm is less than the amount expected, the more so the wider
amounts spread around it, and that differs from task to task.

Source: Duan 1983 (smearing); as a ratio of means, Snowdon 1991.
"""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints
from routelab.learning import folds
from routelab.learning.design import Design
from routelab.learning.learners import PriorPart, task_codes

ROWS = 10.0
"""Rows that the ratio over all requests is worth beside that of a task."""


def fit(design: Design, rows: Ints, raw: Floats) -> PriorPart:
    """Logarithms of the ratio of amounts to what was predicted of them, by task or tenant.

    Args:
        design: with amounts as labels.
        rows: (rows,) of the examples.
        raw: (rows, k) exponentials of held-out logarithms.
    """
    labels = design.examples.labels[rows]
    keys, code = task_codes(design, rows)
    there = ~np.isnan(labels)
    columns = []
    for output in range(labels.shape[1]):
        seen = there[:, output]
        amount, guess = labels[seen, output], raw[seen, output]
        overall = amount.mean() / guess.mean()
        sums = [np.bincount(code[seen], it, len(keys) + 1)[:-1] for it in (amount, overall * guess)]
        pull = ROWS * amount.mean()
        ratio = (sums[0] + pull) / (sums[1] + pull)
        columns.append(np.append(overall * ratio, overall))
    return PriorPart(tuple(keys.tolist()), np.log(np.column_stack(columns)))


def crossfit(design: Design, rows: Ints, raw: Floats, fold: Ints) -> Floats:
    """(rows, k) amounts, each by ratios of other folds."""
    amounts = np.empty_like(raw)
    for here, there in folds.each(fold):
        part = fit(design, rows[here], raw[here])
        amounts[there] = raw[there] * np.exp(part.predict(design, rows[there]))
    return amounts
