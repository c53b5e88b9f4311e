"""What scorers do most: compiled where a compiler was at hand, to the same bits either way."""

from routelab.scorers.kernels.forest import Forest

try:
    from routelab.scorers.kernels.compiled import CompiledWalk as Walk
    from routelab.scorers.kernels.compiled import dot
except ImportError:  # installed without a compiler
    from routelab.scorers.kernels.plain import PlainWalk as Walk  # type: ignore[assignment]
    from routelab.scorers.kernels.plain import dot

__all__ = [
    "Forest",
    "Walk",
    "dot",
]
