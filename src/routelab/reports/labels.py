"""Names beside their points, placed so that they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from routelab.reports.canvas import INK, NORMAL

_WIDTH = 0.56
"""Mean width of a letter, in sizes; the page's own font is narrower."""
_PLACES = tuple(
    (dx, dy, reach)
    for reach in (8.0, 15.0, 26.0, 40.0)
    for dx, dy in ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
)


class Label(NamedTuple):
    """A text that belongs to a point in data coordinates."""

    x: float
    y: float
    text: str
    colour: str = INK
    bold: bool = False
    size: float = NORMAL


class _Box(NamedTuple):
    left: float
    low: float
    right: float
    high: float

    def over(self, other: _Box) -> float:
        """Area shared with another box."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.high, other.high) - max(self.low, other.low)
        return max(0.0, wide) * max(0.0, high)

    def outside(self, other: _Box) -> float:
        """Area that is not in another box."""
        return (self.right - self.left) * (self.high - self.low) - self.over(other)


def place(axes: Axes, labels: Sequence[Label], avoid: Sequence[tuple[float, float]] = ()) -> None:
    """Write labels, the first ones nearest to their points.

    Args:
        avoid: further points that are better not covered.
    """
    to_page = axes.transData.transform
    frame = axes.get_window_extent()
    room = _Box(frame.x0, frame.y0, frame.x1, frame.y1)
    points = [to_page((label.x, label.y)) for label in labels]
    taken = [_Box(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    taken += [_Box(x - 2, y - 2, x + 2, y + 2) for x, y in map(to_page, avoid)]
    for label, (x, y) in zip(labels, points, strict=False):
        boxes = [_box(label, x, y, place) for place in _PLACES]
        costs = [
            sum(box.over(other) for other in taken) + 2 * box.outside(room) + index
            for index, box in enumerate(boxes)
        ]
        best = boxes[costs.index(min(costs))]
        taken.append(best)
        _write(axes, label, (x, y), best, far=_PLACES[costs.index(min(costs))][2] > 20)


def _box(label: Label, x: float, y: float, place: tuple[int, int, float]) -> _Box:
    dx, dy, reach = place
    width = _WIDTH * label.size * len(label.text) * (1.08 if label.bold else 1.0)
    height = 1.2 * label.size
    slant = 0.75 if dx and dy else 1.0
    middle_x = x + dx * (reach * slant + width / 2)
    middle_y = y + dy * (reach * slant + height / 2)
    return _Box(
        middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2
    )


def _write(axes: Axes, label: Label, at: tuple[float, float], box: _Box, *, far: bool) -> None:
    to_right, to_left = box.left >= at[0], box.right <= at[0]
    x = box.left if to_right else box.right if to_left else (box.left + box.right) / 2
    axes.annotate(
        label.text,
        xy=(label.x, label.y),
        xytext=(x - at[0], (box.low + box.high) / 2 - at[1]),
        textcoords="offset points",
        ha="left" if to_right else "right" if to_left else "center",
        va="center_baseline",
        color=label.colour,
        fontsize=label.size,
        fontweight="bold" if label.bold else "normal",
        arrowprops={"arrowstyle": "-", "color": label.colour, "lw": 0.6, "alpha": 0.6}
        if far
        else None,
        annotation_clip=False,
        zorder=9,
    )
