"""What scorers do most: compiled where a compiler was at hand, to the same bits either way."""

from routelab.scorers.kernels.forest import Forest

try:
    from routelab.scorers.kernels.compiled import Walk, dot
except ImportError:  # installed without a compiler
    from routelab.scorers.kernels.plain import Walk, dot  # type: ignore[assignment]

__all__ = [
    "Forest",
    "Walk",
    "dot",
]
