"""Scorers of every kind that know each other, and the tensors they need."""

from __future__ import annotations

import numpy as np

from routelab.scorers import (
    LIMIT,
    Beta,
    Blend,
    Isotonic,
    Joint,
    Linear,
    NearestNeighbors,
    Platt,
    Prior,
    Temperature,
    Trees,
    flatten_trees,
    to_wire,
)
from routelab.signals.features import Answer, HashedWords, Numbers
from routelab.signals.features import to_wire as feature_to_wire

MODELS = ("small", "large")
_RNG = np.random.default_rng(11)
_PROVIDERS = {
    "words": HashedWords(bits=8, cap=400, idf="words.idf"),
    "numbers": Numbers(),
    "answer": Answer(models=MODELS, signals=("sure", "margin")),
}
FEATURES = {name: feature_to_wire(it) for name, it in _PROVIDERS.items()}
_TENSORS = {"words.idf": _RNG.lognormal(size=256)}
_WIDTH = {name: it.bind(_TENSORS).width for name, it in _PROVIDERS.items()}

NODE = np.dtype(
    [
        ("value", "f8"),
        ("feature_idx", "i8"),
        ("num_threshold", "f8"),
        ("missing_go_to_left", "u1"),
        ("left", "u4"),
        ("right", "u4"),
        ("is_leaf", "u1"),
        ("is_categorical", "u1"),
    ]
)


def grown(rng, width, depth):
    """Nodes of one full tree, children after parents, as scikit-learn lays them out."""
    inner = 2**depth - 1
    nodes = np.zeros(2 * inner + 1, NODE)
    here = np.arange(len(nodes))
    nodes["value"] = rng.normal(size=len(nodes))
    nodes["feature_idx"] = rng.integers(0, width, len(nodes))
    nodes["num_threshold"] = rng.choice([0.0, 0.5, 1.0, 3.0, np.inf], len(nodes))
    nodes["missing_go_to_left"] = rng.integers(0, 2, len(nodes))
    nodes["is_leaf"] = here >= inner
    nodes["left"], nodes["right"] = (np.where(here < inner, 2 * here + i, 0) for i in (1, 2))
    return nodes


def _linear(prefix, *features, k=2):
    width = sum(_WIDTH[name] for name in features)
    _TENSORS[f"{prefix}.weights"] = _RNG.normal(size=(width, k))
    _TENSORS[f"{prefix}.bias"] = _RNG.normal(size=k)
    return prefix


def _trees(prefix, *features, k=2, count=5, depth=3):
    width = sum(_WIDTH[name] for name in features)
    outputs = [
        (float(_RNG.normal()), [grown(_RNG, width, depth) for _ in range(count)]) for _ in range(k)
    ]
    arrays = flatten_trees(outputs)
    _TENSORS.update({f"{prefix}.{name}": array for name, array in arrays.items()})
    return prefix


def _neighbors(prefix, *features, k=2, n=40):
    width = sum(_WIDTH[name] for name in features)
    _TENSORS[f"{prefix}.points"] = _RNG.integers(-LIMIT, LIMIT + 1, (n, width)).astype(np.int16)
    _TENSORS[f"{prefix}.shift"] = _RNG.normal(size=width)
    _TENSORS[f"{prefix}.step"] = _RNG.uniform(50.0, 500.0, size=width)
    _TENSORS[f"{prefix}.targets"] = _RNG.random((n, k))
    return prefix


def _prior(prefix, keys, k=2):
    _TENSORS[f"{prefix}.table"] = _RNG.random((keys + 1, k))
    return prefix


_QUALITY = {"target": "quality", "outputs": MODELS}
_BENT = Isotonic(x=(0.1, 0.4, 0.9), y=(0.0, 0.5, 0.5))

SCORERS = {
    "quality": Linear(
        **_QUALITY,
        features=("words", "numbers"),
        tensors=_linear("quality", "words", "numbers"),
        link="logit",
        calibrators=(Platt(0.8, -0.1), None),
    ),
    "bare": Linear(target="cost", outputs=MODELS, tensors=_linear("bare")),
    "amount": Linear(
        target="cost",
        outputs=MODELS,
        features=("numbers",),
        tensors=_linear("amount", "numbers"),
        link="log",
    ),
    "tree_amount": Trees(
        target="cost",
        outputs=MODELS,
        features=("numbers",),
        tensors=_trees("tree_amount", "numbers"),
        link="log",
    ),
    "amounts": Blend(
        target="cost",
        outputs=MODELS,
        parts=("amount", "tree_amount"),
        weights=(0.6, 0.4),
        scale="log",
    ),
    "tree_gain": Trees(
        target="gain",
        outputs=("large",),
        features=("answer", "numbers"),
        tensors=_trees("tree_gain", "answer", "numbers", k=1),
    ),
    "tree_quality": Trees(
        **_QUALITY,
        features=("numbers",),
        tensors=_trees("tree_quality", "numbers"),
        link="logit",
        calibrators=(Beta(1.1, 0.7, 0.2), _BENT),
    ),
    "stumps": Trees(
        target="complexity",
        outputs=("score",),
        features=("words",),
        tensors=_trees("stumps", "words", k=1, depth=0),
    ),
    "alike": NearestNeighbors(
        **_QUALITY,
        features=("numbers",),
        tensors=_neighbors("alike", "numbers"),
        k=5,
        calibrators=(None, Temperature(1.7)),
    ),
    "everyone": NearestNeighbors(
        **_QUALITY, features=("numbers",), tensors=_neighbors("everyone", "numbers", n=3), k=3
    ),
    "by_task": Prior(**_QUALITY, keys=("maths", "code"), tensors=_prior("by_task", 2)),
    "by_tenant": Prior(**_QUALITY, by="tenant", keys=("acme",), tensors=_prior("by_tenant", 1)),
    "blend": Blend(
        **_QUALITY,
        parts=("quality", "by_task", "nested"),
        weights=(0.5, 0.3, 0.2),
        scale="logit",
        bias=-0.05,
    ),
    "nested": Blend(**_QUALITY, parts=("alike", "tree_quality"), weights=(0.75, -0.25)),
    "joint": Joint(
        **_QUALITY,
        parts=("nested",),
        centre=0.5,
        spread=0.2,
        slopes=(0.1, -0.1),
        curves=(-0.03, 0.03),
        calibrators=(Platt(1.1, 0.0), None),
    ),
    "told": Blend(target="gain", outputs=("large",), parts=("tree_gain",), weights=(2.0,)),
    "tree_words": Trees(
        **_QUALITY,
        features=("words", "numbers"),
        tensors=_trees("tree_words", "words", "numbers", count=20),
    ),
}
WIRES = {name: to_wire(scorer) for name, scorer in SCORERS.items()}
TENSORS = dict(_TENSORS)
