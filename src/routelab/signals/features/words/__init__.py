"""Words as numbers: compiled where a compiler was at hand, to the same bits either way."""

try:
    from routelab.signals.features.words.compiled import census, read, vector
except ImportError:  # installed without a compiler
    from routelab.signals.features.words.plain import census, read, vector

__all__ = [
    "census",
    "read",
    "vector",
]
