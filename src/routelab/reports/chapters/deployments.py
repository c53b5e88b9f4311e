"""The chapter on deployments of a simulated day, and on how requests and attempts ended."""

from __future__ import annotations

import numpy as np

from routelab.core.messages import wording
from routelab.reports import forms
from routelab.reports.blocks import Block, Cell, TableBlock, Text
from routelab.simulate import Day


def deployments_chapter(day: Day) -> list[Block]:
    """What each deployment did on a simulated day, and attempts without an answer."""
    return [_table(day), *_ends(day)]


def _table(day: Day) -> TableBlock:
    heads = ("Model", "Provider", "Attempts", "Share", "Failed", "Struck", "P50", "P95",
             "Most waiting", "Breaker open")  # fmt: skip
    looked = {(it.model, it.deployment): it for it in day.sampled}
    rows = []
    for it in day.worked:
        seen = looked.get((it.model, it.deployment))
        waiting = 0 if seen is None else int(seen.waiting.max(initial=0))
        opened = 0.0 if seen is None or not len(seen.state) else float((seen.state == 2).mean())
        rows.append([
            Cell(forms.short(it.model, 40)),
            Cell(forms.short(it.provider or it.deployment, 40)),
            Cell(forms.count(it.attempts), it.attempts),
            Cell(forms.share(it.share), it.share),
            Cell(forms.count(it.errors), it.errors),
            Cell(forms.count(it.struck), it.struck),
            Cell(forms.seconds(it.p50_s) if it.p50_s is not None else forms.NOTHING, it.p50_s),
            Cell(forms.seconds(it.p95_s) if it.p95_s is not None else forms.NOTHING, it.p95_s),
            Cell(forms.count(waiting), waiting),
            Cell(forms.share(opened), opened),
        ])  # fmt: skip
    return TableBlock(
        "Attempts by deployment; shares are of a model's attempts", heads, rows, words=(0, 1)
    )


def _ends(day: Day) -> list[Block]:
    """How requests and attempts ended, where any did not end with an answer."""
    found: list[Block] = []
    if not day.answered.all():
        names, counts = np.unique(day.status.astype(str), return_counts=True)
        ends = [f"{count:,} {name}" for name, count in zip(names, counts, strict=True)]
        found.append(Text(f"How requests ended: {wording.listed(ends)}."))
    if day.errors_by:
        rows = [
            [Cell(forms.clipped(said, 80)), Cell(forms.short(model, 40)), Cell(forms.count(n), n)]
            for (said, model), n in day.errors_by.items()
        ]
        heads = ("Error", "Model", "Attempts")
        found.append(TableBlock("Attempts without an answer", heads, rows, words=(0, 1)))
    if day.unwaited_usd_per_1k:
        usd = forms.usd(day.unwaited_usd_per_1k)
        found.append(
            Text(
                f"Answers that nobody waited for: up to {usd} USD per 1,000 requests, which"
                " providers may charge and which is in no figure above."
            )
        )
    if day.slow_answers:
        told = "; ".join(forms.clipped(str(it), 200) for it in day.slow_answers)
        found.append(
            Text(f"{told}. Attempts end before them, so that this day cannot be the replay's.")
        )
    return found
