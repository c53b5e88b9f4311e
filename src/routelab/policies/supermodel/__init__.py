"""Which set of further models is worth asking, taken together.

The search is compiled where a compiler was at hand, and finds the same sets either way.

Source: cascade routing, arXiv 2410.10347, sections 2 to 4.
"""

from routelab.policies.supermodel.candidate import Candidate, best_single
from routelab.policies.supermodel.plain import best_prefix, surplus

try:
    from routelab.policies.supermodel.compiled import best_set
except ImportError:  # installed without a compiler
    from routelab.policies.supermodel.plain import best_set

__all__ = [
    "Candidate",
    "best_prefix",
    "best_set",
    "best_single",
    "surplus",
]
