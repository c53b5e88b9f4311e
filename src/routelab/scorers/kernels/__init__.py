"""The inner loops of scorers, sums and trees, in C where a compiler was at hand.

Both forms give the same bits.
"""

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
