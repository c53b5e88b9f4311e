"""The way down trees, from a row to a leaf of each: compiled where a compiler was at hand."""

from routelab.scorers.walk.nodes import Nodes

try:
    from routelab.scorers.walk.compiled import Walk
except ImportError:  # installed without a compiler
    from routelab.scorers.walk.plain import Walk  # type: ignore[assignment]

__all__ = ["Nodes", "Walk"]
