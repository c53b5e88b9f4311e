"""Holdout comparison of policies on some rows of a log: each replayed once, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints, Policy
from routelab.metrics import hull
from routelab.replay import ComparisonSet
from routelab.tuning.objectives import (
    Demands,
    Excess,
    FrontPoint,
    PolicyScore,
    front,
    is_met,
    mean_cost_quality,
)

# The best of a search flatters itself on the rows it was chosen on (the winner's curse): by two
# points at 500 rows, by .1 at 10,000. So kinds are compared on other rows.
FOLDS = 4
"""Folds of the rows; a front is chosen on all but one of them and judged on that one."""

BLOCKS = 24
"""Blocks of the rows, some to a fold: from their differences follows how sure a comparison is."""

BUDGETS = 61
"""Mean costs at which fronts are compared on rows that they were not chosen on, at most."""


class _Kept(NamedTuple):
    """A policy's means and breaches on all rows, and its sums of cost and quality (blocks, 2)."""

    score: PolicyScore
    excess: Excess
    sums: Floats


class HeldOut(NamedTuple):
    """What a front comes to at some budgets, on rows that it was not chosen on.

    Attributes:
        budgets: (budgets,) USD per 1,000 requests, met on the rows that it was chosen on.
        sums: (budgets, blocks, 2) sums of cost, in USD per 1,000 requests, and of quality.
        n: rows.
    """

    budgets: Floats
    sums: Floats
    n: int

    @property
    def cost(self) -> Floats:
        """(budgets,) mean USD per 1,000 requests."""
        return np.asarray(self.sums[:, :, 0].sum(axis=1) / self.n)

    @property
    def quality(self) -> Floats:
        """(budgets,) mean quality."""
        return np.asarray(self.sums[:, :, 1].sum(axis=1) / self.n)


class Holdout:
    """Means of policies on some rows, whole and block by block; groups are never cut by one.

    Attributes:
        comparison: the rows.
        wanted: the user's bounds on them.
        block: (n,) block of each row.
        blocks: how many there are.
        folds: how many folds they make.
    """

    def __init__(
        self,
        comparison: ComparisonSet,
        wanted: Demands,
        *,
        folds: int = FOLDS,
        blocks: int = BLOCKS,
        seed: int = 0,
    ) -> None:
        self.comparison = comparison
        self.wanted = wanted
        self.block = _deal(comparison.groups, blocks, seed)
        self.blocks = int(self.block.max()) + 1
        self.folds = min(folds, self.blocks)
        self._fold_of = np.arange(self.blocks) % self.folds
        self._rows = np.bincount(self._fold_of[self.block], minlength=self.folds)
        self._kept: dict[Policy, _Kept] = {}

    @property
    def fold(self) -> Ints:
        """(n,) fold of each row."""
        return np.asarray(self._fold_of[self.block])

    def excess(self, policy: Policy) -> Excess:
        """How far a policy breaks each bound on latency and groups; 0 or less where it holds."""
        return self._of(policy).excess

    def score(self, policy: Policy) -> PolicyScore:
        """Mean cost and quality of a policy on all rows."""
        return self._of(policy).score

    def learn_from(self, other: Holdout) -> None:
        """Take over what another holdout of the same rows measured, if its blocks are the same.

        Args:
            other: of rows without the scores that these have, so that none of its policies asks
                for one.
        """
        if np.array_equal(self.block, other.block):
            self._kept = {**other._kept, **self._kept}

    def meeting(self, policies: Iterable[Policy]) -> list[Policy]:
        """Those that meet these bounds; all of them where none does."""
        listed = list(policies)
        return [it for it in listed if is_met(self.excess(it))] or listed

    def front(self, policies: Iterable[Policy]) -> list[FrontPoint]:
        """The front of those that meet these bounds; empty where none does."""
        listed = [policy for policy in policies if is_met(self.excess(policy))]
        return front(FrontPoint(policy, self._of(policy).score) for policy in listed)

    def held_out(self, chosen: Sequence[Sequence[Policy]], budgets: Floats) -> HeldOut:
        """What fronts come to on the folds that they were not chosen on.

        For each fold, mixtures of the hull of what was `chosen` on the others meet each
        budget there, and are then judged on the fold.

        Args:
            chosen: for each fold, the policies to choose among.
            budgets: (budgets,) USD per 1,000 requests.
        """
        total = np.zeros((len(budgets), self.blocks, 2))
        for fold, policies in enumerate(chosen):
            sums, here = self.sums(policies), self._fold_of == fold
            rest = sums.sum(axis=1) - sums[:, here].sum(axis=1)
            rest /= max(1, len(self.block) - self._rows[fold])
            at = _corners(rest)
            for block in np.flatnonzero(here):
                for axis in range(2):
                    judged = sums[at, block, axis]
                    total[:, block, axis] = np.interp(budgets, rest[at, 0], judged)
        return HeldOut(budgets, total, len(self.block))

    def sums(self, policies: Sequence[Policy]) -> Floats:
        """(policies, blocks, 2) sums of cost, in USD per 1,000 requests, and of quality."""
        return np.array([self._of(policy).sums for policy in policies])

    def rows_without(self, fold: int) -> Ints:
        """(rows,) indices of the rows outside a fold, on which a front may be chosen for it."""
        return np.flatnonzero(self.fold != fold)

    def _of(self, policy: Policy) -> _Kept:
        if (kept := self._kept.get(policy)) is None:
            done = self.comparison.replay(policy, means_only=not self.wanted.timed)
            sums = [
                np.bincount(self.block, values, minlength=self.blocks)
                for values in (1000 * done.cost_usd, done.quality)
            ]
            kept = self._kept[policy] = _Kept(
                mean_cost_quality(done), self.wanted.further(done), np.stack(sums, axis=1)
            )
        return kept


def _deal(groups: Ints, count: int, seed: int) -> Ints:
    """(n,) block of each row; a group is in one."""
    names, code = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(names)) % min(count, len(names))
    return np.asarray(dealt[code])


def _corners(points: Floats) -> npt.NDArray[np.intp]:
    """Indices of points (n, 2) on the hull, by rising cost."""
    found = hull(points[:, 0].tolist(), points[:, 1].tolist())
    index = {tuple(point): at for at, point in reversed(list(enumerate(points.tolist())))}
    corners = zip(found.cost.tolist(), found.quality.tolist(), strict=True)
    return np.array([index[corner] for corner in corners], dtype=np.intp)
