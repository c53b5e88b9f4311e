"""An example of every kind of feature provider."""

from __future__ import annotations

import importlib.util

import numpy as np

from routelab.signals.features import Answer, Embedding, HashedWords, Numbers
from routelab.testing.requests import MODELS

HAS_EMBEDDINGS = importlib.util.find_spec("wordllama") is not None
_RNG = np.random.default_rng(5)
TENSORS = {"idf": _RNG.lognormal(size=256), "nothing": np.zeros(2)}


def examples():
    """Providers of every kind, by the kind's name in JSON."""
    return {
        "numbers": (Numbers(), Numbers(names=("scripts", "tokens", "diversity"), cap=50)),
        "hashed": (
            HashedWords(),
            HashedWords(bits=8, cap=40, tf="binary", idf="idf"),
            HashedWords(bits=1, tf="raw", idf="nothing"),
        ),
        "embedding": (Embedding.installed(), Embedding.installed(dim=8, cap=30))
        if HAS_EMBEDDINGS
        else (),
        "answer": (Answer(models=MODELS, signals=("sure", "margin")), Answer(models=())),
    }
