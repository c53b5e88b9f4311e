"""A prompt's words as numbers, in C where a compiler was at hand.

Both forms give the same bits.
"""

try:
    from routelab.signals.features.words.compiled import census, read, vector
except ImportError:  # installed without a compiler
    from routelab.signals.features.words.plain import census, read, vector

__all__ = [
    "census",
    "read",
    "vector",
]
