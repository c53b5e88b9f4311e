"""Features of a request: what scorers read. A new kind is one file and one line in `registry`.

Other packages bring kinds by entry points of the group `routelab.features`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.signals.features.answer import Answer
    from routelab.signals.features.counts import NAMES
    from routelab.signals.features.embedding import Embedding
    from routelab.signals.features.hashed import Hashed
    from routelab.signals.features.numbers import Numbers
    from routelab.signals.features.provider import Bound, Provider
    from routelab.signals.features.registry import KINDS, REGISTRY, from_wire, to_wire
    from routelab.signals.features.tensors import Tensors
    from routelab.signals.features.text import text_of
    from routelab.signals.features.vector import Matrix, Vector, beside, joined
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Answer": "answer",
            "Bound": "provider",
            "Embedding": "embedding",
            "Hashed": "hashed",
            "KINDS": "registry",
            "Matrix": "vector",
            "NAMES": "counts",
            "Numbers": "numbers",
            "Provider": "provider",
            "REGISTRY": "registry",
            "Tensors": "tensors",
            "Vector": "vector",
            "beside": "vector",
            "from_wire": "registry",
            "joined": "vector",
            "text_of": "text",
            "to_wire": "registry",
        },
    )

__all__ = [
    "KINDS",
    "NAMES",
    "REGISTRY",
    "Answer",
    "Bound",
    "Embedding",
    "Hashed",
    "Matrix",
    "Numbers",
    "Provider",
    "Tensors",
    "Vector",
    "beside",
    "from_wire",
    "joined",
    "text_of",
    "to_wire",
]
