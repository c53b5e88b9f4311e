"""Words as numbers: compiled where a compiler was at hand, to the same bits either way."""

try:
    from routelab.signals.features.words._compiled import census, columns, read
except ImportError:  # installed without a compiler
    from routelab.signals.features.words.plain import census, columns, read

__all__ = ["census", "columns", "read"]
