"""Means over cuts, and how far ahead of the best baseline, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t as student

from benchmarks.learning.judge import ALONE, CASCADES, GRID, LUCK, PROMISED, ROUTELAB, TRUTH, ZERO

EXPORTED = "exported policy"
SLACK = 0.002
"""Of quality, by which nothing may be below the zero router in any cell."""
BASELINES = ("task mean", "ridge", "half ridge", "kNN", GRID)
ABSENT = "-"


class Lead(NamedTuple):
    """A mean difference over cuts and its 95 % interval (NaN of one cut alone)."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.mean:+.4f}"
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def lead(differences: Sequence[float]) -> Lead:
    """The mean of paired differences, with Student's interval.

    Cuts of one log share rows, so that the interval is of the cutting more than of the log.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return Lead(mean, np.nan, np.nan)
    half = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Lead(mean, mean - half, mean + half)


class Row(NamedTuple):
    """A log and a number of rows, over all its cuts.

    Attributes:
        means: by method, of its area; over: the lead over the zero router.
        best: the baseline of largest mean area; ahead: the lead over it.
        cascades: the lead of cascades over the grid; None without a confidence.
        seconds: of a processor, mean of a study.
        kinds, verdicts: how often each was exported and said.
        refused: cuts on which `tune` raised an error.
        below: by what is held to the zero router, how far it is from it in each cell.
    """

    log: str
    n: str
    rows: int
    cuts: int
    means: dict[str, float]
    over: Lead
    best: str
    ahead: Lead
    cascades: Lead | None
    seconds: float
    kinds: Counter[str]
    verdicts: Counter[str]
    refused: int
    below: dict[str, list[float]]


def summary(cells: Sequence[dict[str, Any]]) -> list[Row]:
    """A row for each log and number of rows, in the order in which they come."""
    grouped: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    for it in cells:
        grouped.setdefault((it["log"], it["n"]), []).append(it)
    logs = [*dict.fromkeys(it["log"] for it in cells)]
    ordered = sorted(grouped.items(), key=lambda it: logs.index(it[0][0]))
    return [row for (log, n), found in ordered if (row := _row(log, str(n), found))]


def _row(log: str, n: str, found: Sequence[dict[str, Any]]) -> Row | None:
    judged = [it for it in found if "error" not in it]
    if not judged:
        return None
    names = [name for name in judged[0]["areas"] if all(name in it["areas"] for it in judged)]
    means = {name: float(np.mean([it["areas"][name] for it in judged])) for name in names}
    best = max((name for name in (*BASELINES, ZERO) if name in means), key=means.__getitem__)

    def over(other: str, mine: str = ROUTELAB) -> Lead:
        return lead([it["areas"][mine] - it["areas"][other] for it in judged])

    return Row(
        log,
        n,
        round(np.mean([it["rows"][0] for it in judged])),
        len(judged),
        means,
        over(ZERO),
        best,
        over(best),
        over(GRID, CASCADES) if CASCADES in means else None,
        float(np.mean([it["cpu_s"] for it in judged])),
        Counter(it["kind"] for it in judged),
        Counter(it["verdict"] for it in judged),
        len(found) - len(judged),
        _over_zero(judged),
    )


def _over_zero(cells: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """What is held to the zero router, with how far it is from it, cell by cell."""
    areas = [it["areas"] for it in cells]
    return {
        **{
            name: [it[name] - it[ZERO] for it in areas]
            for name in (ALONE, PROMISED)
            if all(name in it for it in areas)
        },
        EXPORTED: [it["exported"]["gain"] for it in cells if "exported" in it],
    }


SHORT = (
    "log", "rows", "cuts", ZERO, ROUTELAB, "best of the others", "ahead of it", "over zero router",
    "CPU s",
)  # fmt: skip
FLOOR = ("log", "rows", "cuts", ALONE, PROMISED, EXPORTED)
CHAINS = ("log", "rows", "cuts", ZERO, GRID, CASCADES, "ahead of the grid")
MARKS = ("<!-- areas -->\n", "<!-- end of areas -->")
FLOOR_MARKS = ("<!-- floor -->\n", "<!-- end of floor -->")
CHAIN_MARKS = ("<!-- cascades -->\n", "<!-- end of cascades -->")

HEADS = (
    "log", "rows", "cuts", ZERO, ROUTELAB, *BASELINES, CASCADES, LUCK, TRUTH, "over zero router",
    "best baseline", "ahead of it", "CPU s", "kinds exported", "verdicts",
)  # fmt: skip


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [HEADS, ["---"] * len(HEADS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def short(rows: Sequence[Row]) -> str:
    """The table with the best baseline alone, as pages show it."""
    lines = [SHORT, ["---"] * len(SHORT)]
    for row in rows:
        best = f"{_area(row, row.best)}, {row.best}"
        areas = [_area(row, ZERO), _area(row, ROUTELAB), best]
        told = [str(row.ahead), str(row.over), f"{row.seconds:.0f}"]
        lines.append([row.log, f"{row.rows:,}", str(row.cuts), *areas, *told])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def chains(rows: Sequence[Row]) -> str:
    """Cascades beside a grid of them, where there is a confidence."""
    lines = [CHAINS, ["---"] * len(CHAINS)]
    for row in rows:
        if row.cascades is not None:
            areas = [_area(row, name) for name in (ZERO, GRID, CASCADES)]
            lines.append([row.log, f"{row.rows:,}", str(row.cuts), *areas, str(row.cascades)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def floor(rows: Sequence[Row]) -> str:
    """Cell by cell beside the zero router: the least, and in how many it is below by `SLACK`."""
    lines = [FLOOR, ["---"] * len(FLOOR)]
    for row in rows:
        told = [_least(row.below.get(name)) for name in (ALONE, PROMISED, EXPORTED)]
        lines.append([row.log, f"{row.rows:,}", str(row.cuts), *told])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _least(over: Sequence[float] | None) -> str:
    if not over:
        return ABSENT
    below = sum(it < -SLACK for it in over)
    return f"{min(over):+.4f}, {below} of {len(over)} below"


def on_page(text: str, rows: Sequence[Row]) -> str:
    """A page with the short tables between their marks."""
    tables = ((MARKS, short(rows)), (FLOOR_MARKS, floor(rows)), (CHAIN_MARKS, chains(rows)))
    for (start, end), table in tables:
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{table}\n{end}{after}"
    return text


def _cells(row: Row) -> list[str]:
    areas = [_area(row, name) for name in (ZERO, ROUTELAB, *BASELINES, CASCADES, LUCK, TRUTH)]
    cuts = f"{row.cuts}" + (f", {row.refused} refused" if row.refused else "")
    leads = [str(row.over), row.best, str(row.ahead)]
    told = [f"{row.seconds:.0f}", _counts(row.kinds), _counts(row.verdicts)]
    return [row.log, f"{row.rows:,}", cuts, *areas, *leads, *told]


def _area(row: Row, name: str) -> str:
    return f"{row.means[name]:.4f}" if name in row.means else ABSENT


def _counts(of: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in of.most_common())
