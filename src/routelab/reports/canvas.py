"""The one visual language of all plots, and how a plot becomes part of the page.

Plots are made with stand-in colours that the page's style sheet replaces, so that one
plot serves light, dark and print.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER = "#101112", "#606162", "#c0c1c2", "#f0f1f2"
OURS, SOFT, LOSS, GOOD = "#0060a1", "#80a0c1", "#c05011", "#00705a"

_VARIABLES = {
    INK: "--ink", MUTED: "--muted", RULE: "--rule", PAPER: "--paper",
    OURS: "--ours", SOFT: "--soft", LOSS: "--loss", GOOD: "--good",
}  # fmt: skip

NARROW = 400.0
"""Width of a plot in page pixels; most are shown at about this size everywhere."""
WIDE = 880.0
SMALL, NORMAL = 10.5, 11.5
"""Sizes of text."""

_LANGUAGE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": SMALL,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": SMALL,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "axes.xmargin": 0.02,
    "axes.ymargin": 0.06,
    "grid.color": RULE,
    "grid.alpha": 0.55,
    "grid.linewidth": 0.7,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
}


def draw(key: str, width: float, height: float, paint: Callable[[Figure], None]) -> Markup:
    """A plot as inline SVG; the same paint gives the same bytes.

    Args:
        key: of the plot, unique in a page.
        width, height: in page pixels.
    """
    language: Any = {**_LANGUAGE, "svg.hashsalt": key}
    with mpl.rc_context(language), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about glyphs that only the browser needs
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        paint(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return Markup(_finished(key, out.getvalue(), width, height))  # noqa: S704  (escaped by SVG)


def grid(axes: Axes, axis: str = "y") -> None:
    """Faint lines to read values by, and nothing else on that side."""
    axes.grid(visible=True, axis="y" if axis == "y" else "x")
    axes.spines["left" if axis == "y" else "bottom"].set_visible(False)


def labelled(svg: Markup, alt: str) -> Markup:
    """A plot that says what it shows to those who cannot see it."""
    opening = Markup('<svg role="img" aria-label="{}"').format(alt)
    return opening + svg[len("<svg") :]


def _finished(key: str, svg: str, width: float, height: float) -> str:
    """Without what only a file of its own needs, and with the page's colours and ids."""
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="|url\()#([^")]*)', body))
    body = re.sub(r"<[^>]*>", lambda tag: _tag(tag[0], key, used), body)
    body = re.sub(r">\s+<", "><", body.strip())
    return f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width:{1.35 * width:g}px">{body}'


def _tag(tag: str, key: str, used: set[str]) -> str:
    """One tag; only tags are changed, so that no text of the user's is."""
    tag = re.sub(r' id="([^"]*)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", tag)
    tag = re.sub(r'(?:xlink:)?(href="|url\()#', rf"\1#{key}-", tag)
    tag = re.sub(r"font: (?:(\w+) )?([\d.]+px) [^;\"]*", _font, tag)
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, f"var({variable})")
    return re.sub(r"(\d\.\d\d)\d+", r"\1", tag)


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}"
