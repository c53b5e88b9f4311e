"""A plot of cost by model: delivered answers, and answers that were discarded."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from routelab.replay.breakdown import StageUse
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, LOSS, MUTED, OURS

_LEFT = 122.0
_SHARE_OF_NOTE = 0.30


def stages_plot(found: Sequence[StageUse]) -> PlotBlock:
    """Cost by model, of delivered and of discarded answers."""
    alt = _alt(found)
    height = 44.0 * len(found) + 56.0
    svg = canvas.draw("stages", canvas.NARROW, height, lambda on: _paint(on, found))
    return PlotBlock("Where the money goes", alt, canvas.labelled(svg, alt))


def _alt(found: Sequence[StageUse]) -> str:
    total = sum(it.usd_per_1k for it in found)
    lost = sum(it.discarded_usd_per_1k for it in found)
    part = f" ({forms.share(lost / total)})" if total > 0 else ""
    return (
        f"Of {forms.usd(total)} USD per 1,000 requests, {forms.usd(lost)}{part} buys answers that"
        " are discarded because a later model was asked."
    )


def _paint(on: Figure, found: Sequence[StageUse]) -> None:
    width, height = on.get_size_inches() * 72
    axes = on.add_axes((_LEFT / width, 38 / height, 1 - (_LEFT + 10) / width, 1 - 44 / height))
    top = max((it.usd_per_1k for it in found), default=0.0) or 1.0
    for row, it in enumerate(found):
        kept = it.usd_per_1k - it.discarded_usd_per_1k
        axes.barh(row + 0.12, kept, height=0.38, color=OURS, alpha=0.85, lw=0)
        axes.barh(row + 0.12, it.discarded_usd_per_1k, left=kept, height=0.38, fc=canvas.PAPER,
                  ec=LOSS, lw=1.0, hatch="////")  # fmt: skip
        lost = (
            f", {forms.usd(it.discarded_usd_per_1k)} discarded" if it.discarded_usd_per_1k else ""
        )
        axes.text(0, row - 0.17, f"{forms.usd(it.usd_per_1k)} USD{lost}", va="bottom",
                  color=MUTED, fontsize=canvas.SMALL)  # fmt: skip
    axes.set_yticks(range(len(found)), [forms.short(it.model, 19) for it in found])
    axes.tick_params(axis="y", labelcolor=INK, pad=6)
    axes.set_ylim(len(found) - 0.4, -0.7)
    axes.set_xlim(0, top * (1 + _SHARE_OF_NOTE / 3))
    axes.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
    axes.set_xlabel("USD per 1,000 requests (hatched: discarded)")
    canvas.grid(axes, "x")
    axes.spines["left"].set_visible(False)
