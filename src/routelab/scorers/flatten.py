"""Trees of histogram gradient boosting as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from routelab.errors import PolicyError

if TYPE_CHECKING:
    import numpy.typing as npt

Nodes: TypeAlias = "npt.NDArray[Any]"
"""A record array of one tree's nodes, as scikit-learn's `TreePredictor.nodes` is."""

NODES: Mapping[str, str] = {
    "feature": "int32",
    "threshold": "float64",
    "left": "int32",
    "right": "int32",
    "value": "float64",
    "missing_left": "uint8",
}
"""Tensors over nodes, and their types. A leaf has no children: -1."""

_LARGEST = np.finfo(np.float64).max


def flatten_trees(outputs: Sequence[tuple[float, Sequence[Nodes]]]) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a `Trees` scorer, without their prefix.

    Args:
        outputs: for each output the baseline that its sum begins with, and its trees.
    Raises:
        PolicyError: a tree splits on categories.
    """
    trees = [nodes for _, of_output in outputs for nodes in of_output]
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise PolicyError(
            "trees split on categories, which is not supported; encode them as numbers"
        )
    roots = np.cumsum([0, *map(len, trees)])[:-1]
    parts = [_tree(nodes, root) for nodes, root in zip(trees, roots.tolist(), strict=True)]
    arrays: dict[str, npt.NDArray[Any]] = {
        name: np.concatenate([np.empty(0, dtype), *(part[name] for part in parts)]).astype(dtype)
        for name, dtype in NODES.items()
    }
    sizes = [len(of_output) for _, of_output in outputs]
    arrays["roots"] = roots.astype(np.int32)
    arrays["output"] = np.repeat(np.arange(len(outputs)), sizes).astype(np.int32)
    arrays["bias"] = np.array([baseline for baseline, _ in outputs], dtype=np.float64)
    return arrays


def _tree(nodes: Nodes, root: int) -> dict[str, npt.NDArray[Any]]:
    """One tree's nodes; an infinite threshold becomes the largest number, which decides alike."""
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, 0, nodes["feature_idx"]),
        "threshold": np.where(leaf, 0.0, np.clip(nodes["num_threshold"], -_LARGEST, _LARGEST)),
        "left": np.where(leaf, -1, nodes["left"].astype(np.int64) + root),
        "right": np.where(leaf, -1, nodes["right"].astype(np.int64) + root),
        "value": nodes["value"],
        "missing_left": nodes["missing_go_to_left"],
    }
