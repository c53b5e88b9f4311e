"""Features of a request: what scorers read. A new kind is one file and one line in `registry`.

Other packages bring kinds by entry points of the group `routelab.features`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.signals.features import registry
    from routelab.signals.features.answer import Answer
    from routelab.signals.features.counts import NAMES
    from routelab.signals.features.embedding import Embedding
    from routelab.signals.features.hashed_words import HashedWords
    from routelab.signals.features.numbers import Numbers
    from routelab.signals.features.provider import BoundProvider, FeatureProvider
    from routelab.signals.features.registry import KINDS, REGISTRY, from_wire, to_wire
    from routelab.signals.features.tensors import Tensors, TensorSpec, take_tensors
    from routelab.signals.features.text import text_of
    from routelab.signals.features.vector import Matrix, Vector, joined_matrices, joined_vectors
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Answer": "answer",
            "BoundProvider": "provider",
            "Embedding": "embedding",
            "FeatureProvider": "provider",
            "HashedWords": "hashed_words",
            "KINDS": "registry",
            "Matrix": "vector",
            "NAMES": "counts",
            "Numbers": "numbers",
            "REGISTRY": "registry",
            "TensorSpec": "tensors",
            "Tensors": "tensors",
            "Vector": "vector",
            "from_wire": "registry",
            "joined_matrices": "vector",
            "joined_vectors": "vector",
            "registry": "",
            "take_tensors": "tensors",
            "text_of": "text",
            "to_wire": "registry",
        },
    )

__all__ = [
    "KINDS",
    "NAMES",
    "REGISTRY",
    "Answer",
    "BoundProvider",
    "Embedding",
    "FeatureProvider",
    "HashedWords",
    "Matrix",
    "Numbers",
    "TensorSpec",
    "Tensors",
    "Vector",
    "from_wire",
    "joined_matrices",
    "joined_vectors",
    "registry",
    "take_tensors",
    "text_of",
    "to_wire",
]
