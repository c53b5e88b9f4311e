"""Thresholds and prices to move by hand: a table of every combination, and what shows it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from markupsafe import Markup

from routelab.core.messages import markdown_text, wording
from routelab.replay.breakdown import Grid
from routelab.reports import forms, templates

Z = 1.959964
"""Of a two-sided 95 % interval of a normal."""


class Landmark(NamedTuple):
    """A fixed point on the plane of cost and quality, to find one's way by.

    Attributes:
        kind: "model" for a single model, whose points span the zero router; else "policy".
        usd_per_1k: at the log's prices.
        usd_by_model: of that, what each model gets, so that the point moves with prices;
            None if not known: the point then fades when prices change.
    """

    name: str
    kind: Literal["model", "policy"]
    quality: float
    usd_per_1k: float
    usd_by_model: Mapping[str, float] | None = None


def single(model: str, quality: float, usd_per_1k: float) -> Landmark:
    """The landmark of one model alone."""
    return Landmark(model, "model", quality, usd_per_1k, {model: usd_per_1k})


@dataclass(frozen=True)
class Explorer:
    """The explorer as a block of a chapter; at most one in a page.

    Attributes:
        grid: every combination of thresholds; see `routelab.replay.breakdown.Grid`.
        landmarks: drawn beside the point that moves.
    """

    grid: Grid
    landmarks: Sequence[Landmark] = ()

    def html(self) -> Markup:
        """Needs no other file; without scripts it says what the chosen thresholds give."""
        grid = self.grid
        sliders = [
            {"model": model, "label": labels[at], "at": at, "last": len(labels) - 1}
            for model, labels, at in zip(grid.models, _labels(grid), grid.chosen, strict=False)
        ]
        return templates.fill(
            "explorer.html",
            grid=grid,
            sliders=sliders,
            chosen=self.sentence,
            requests=forms.count(grid.n_requests),
            unanswered=min(map(sum, zip(*grid.answered, strict=True))) < grid.n_requests,
            data=Markup(explorer_json(grid, self.landmarks)),  # noqa: S704  (escaped for scripts)
            style=templates.asset("explorer.css"),
            script=templates.asset("explorer.js"),
        )

    def markdown(self) -> str:
        """What the chosen thresholds give."""
        return markdown_text(self.sentence)

    @property
    def sentence(self) -> str:
        """The chosen thresholds and their figures, with 95 % intervals."""
        grid, at = self.grid, _start(self.grid)
        cost = [1000 * step[at] for step in grid.usd]
        held = [
            f"{forms.short(model)} from {labels[index]}"
            for model, labels, index in zip(grid.models, _labels(grid), grid.chosen, strict=False)
        ]
        return (
            f"As tuned ({forms.short(grid.signal)}: {wording.listed(held)}): quality"
            f" {_with_interval(forms.quality, grid.quality[at], grid.quality_se[at], 1.0)},"
            f" USD {_with_interval(forms.usd, sum(cost), _cost_error(grid, at), math.inf)} per"
            f" 1,000 requests, {forms.share(grid.escalated[at] / grid.n_requests)} escalated."
        )


def explorer_json(grid: Grid, landmarks: Sequence[Landmark] = ()) -> str:
    """The table as JSON that is safe inside a script element, with NaN as null."""
    table = {
        "n": grid.n_requests,
        "models": grid.models,
        "labels": _labels(grid),
        "chosen": grid.chosen,
        "quality": _compact(grid.quality, 10),
        "qualitySe": _compact(grid.quality_se, 4),
        "usd": [_compact(step, 10) for step in grid.usd],
        "usdCov": [_compact(pair, 6) for pair in grid.usd_cov],
        "calls": grid.calls,
        "answered": grid.answered,
        "escalated": grid.escalated,
        "landmarks": [_landmark(one, grid.models) for one in landmarks],
    }
    text = json.dumps(table, separators=(",", ":"), allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _landmark(one: Landmark, models: Sequence[str]) -> dict[str, Any]:
    """Its cost by model of the cascade; what others get does not move with prices."""
    spent = one.usd_by_model
    moving = None if spent is None else [spent.get(name, 0.0) for name in models]
    fixed = one.usd_per_1k - sum(moving or ())
    return {
        "name": one.name,
        "kind": one.kind,
        "quality": one.quality,
        "usd": moving,
        "rest": max(0.0, fixed),
    }


def _compact(values: Sequence[float], digits: int) -> list[float | None]:
    return [float(f"{it:.{digits}g}") if math.isfinite(it) else None for it in values]


def _labels(grid: Grid) -> list[list[str]]:
    """Thresholds as text, with digits enough to tell them apart."""
    return [_told_apart(axis) for axis in grid.thresholds]


def _told_apart(values: Sequence[float]) -> list[str]:
    for digits in range(4, 17):
        labels = [f"{value:.{digits}g}" for value in values]
        if all(one != other for one, other in pairwise(labels)):
            return labels
    return [repr(value) for value in values]


def _start(grid: Grid) -> int:
    """The cell of the chosen thresholds."""
    cell = 0
    for axis, index in zip(grid.thresholds, grid.chosen, strict=True):
        cell = cell * len(axis) + index
    return cell


def _cost_error(grid: Grid, cell: int) -> float:
    """Standard error of the cost, in USD per 1,000 requests."""
    m = len(grid.models)
    twice = [1 if one == other else 2 for one in range(m) for other in range(one, m)]
    variance = sum(k * row[cell] for k, row in zip(twice, grid.usd_cov, strict=True))
    return 1000 * math.sqrt(max(0.0, variance)) if math.isfinite(variance) else math.nan


def _with_interval(form: Callable[[float], str], value: float, error: float, most: float) -> str:
    if not math.isfinite(error):
        return form(value)
    low, high = max(0.0, value - Z * error), min(most, value + Z * error)
    return f"{form(value)} ({forms.interval(form, (low, high))})"
