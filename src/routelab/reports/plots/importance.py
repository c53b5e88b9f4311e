"""A plot of the features that a scorer looks at."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from routelab.core.messages import wording
from routelab.reports import canvas, forms
from routelab.reports.blocks import PlotBlock
from routelab.reports.canvas import INK, MUTED, OURS
from routelab.reports.learning_summary import FeatureSummary

MOST = 10
ROW = 24.0
_LEFT = 150.0


def importance_plot(found: Sequence[FeatureSummary]) -> PlotBlock:
    """Permutation importance of the most important features, as shares of the sum of all."""
    shown = found[:MOST]
    alt = _alt(shown)
    height = ROW * len(shown) + 50.0
    svg = canvas.draw("importance", canvas.NARROW, height, lambda on: _paint(on, shown))
    return PlotBlock("What the predictions rest on", alt, canvas.labelled(svg, alt))


def _alt(found: Sequence[FeatureSummary]) -> str:
    told = wording.listed([f"{_name(it)} {forms.share(it.share)}" for it in found])
    return f"Share of the error that shuffling a feature among requests adds: {told}."


def _name(it: FeatureSummary) -> str:
    return forms.short(it.feature.replace("_", " "), 24)


def _paint(on: Figure, found: Sequence[FeatureSummary]) -> None:
    width, height = on.get_size_inches() * 72
    axes = on.add_axes((_LEFT / width, 38 / height, 1 - (_LEFT + 44) / width, 1 - 50 / height))
    shares = [it.share for it in found]
    axes.barh(range(len(found)), shares, height=0.6, color=OURS, alpha=0.85, lw=0)
    for y, share in enumerate(shares):
        axes.annotate(
            forms.share(share), (share, y), (5, 0), textcoords="offset points",
            va="center_baseline", color=MUTED, fontsize=canvas.SMALL,
        )  # fmt: skip
    axes.set_yticks(range(len(found)), [_name(it) for it in found])
    axes.tick_params(axis="y", labelcolor=INK, pad=6)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(0, 1.02 * max(shares))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
    axes.set_xlabel("share of the error that shuffling adds")
    canvas.grid(axes, "x")
    axes.spines["left"].set_visible(False)
