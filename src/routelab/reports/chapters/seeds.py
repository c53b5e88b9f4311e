"""The same study under other seeds."""

from __future__ import annotations

from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, Chapter, TableBlock, Text
from routelab.reports.summary import Summary
from routelab.tuning.study import SeedRun


def seeds_chapter(summary: Summary) -> Chapter | None:
    """The study under other seeds; None where one seed was tried."""
    found = summary.seeds
    if found is None:
        return None
    what = (
        "The cut follows time, so it is the same for all; search, draws and resamples differ."
        if found.same_split
        else "Each seed cuts the log anew, searches anew, and is judged on a test part of its own."
    )
    verdicts = ", ".join(f"{word} {n} times" for word, n in found.verdicts.items())
    gain = found.gain
    blocks: list[Block] = [
        Text(f"{what} The exported policy is that of the first seed. Verdicts: {verdicts}."),
        Text(
            f"The gain runs from {forms.points(gain.least)} to {forms.points(gain.most)} points"
            f" (median {forms.points(gain.median)}, standard deviation"
            f" {100 * gain.deviation:.1f}), quality from {forms.quality(found.quality.least)} to"
            f" {forms.quality(found.quality.most)}, cost from {forms.usd(found.usd_per_1k.least)}"
            f" to {forms.usd(found.usd_per_1k.most)} USD per 1,000 requests."
        ),
        TableBlock(
            "Seed by seed, each on its own test part",
            ("Seed", "Verdict", "Models", "Gain, points", "Quality", "USD per 1,000"),
            [_row(run) for run in found.runs],
            words=(0, 1, 2),
        ),
    ]
    return Chapter("seeds", "Other seeds", blocks)


def _row(run: SeedRun) -> list[Cell]:
    return [
        Cell(str(run.seed), run.seed),
        Cell(run.verdict or "no policy"),
        Cell(forms.short(" → ".join(run.models) or run.problem or "", 120)),
        Cell(forms.points(run.gain), run.gain, forms.interval(forms.points, run.gain_ci)),
        Cell(forms.quality(run.quality), run.quality),
        Cell(forms.usd(run.usd_per_1k), run.usd_per_1k),
    ]
