"""The recipe of a scorer: learners, their features and settings, and how they are blended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from routelab.errors import LearningError

Name: TypeAlias = Literal["prior", "words", "numbers", "trees", "embedding", "neighbors"]
Calibration: TypeAlias = Literal["auto", "none", "platt", "beta", "isotonic", "temperature"]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a fit may vary; the defaults did best on public logs.

    Attributes:
        learners: joined by a blend; one alone is exported as it is.
        by, shrink: column of the prior table, and how many rows the overall mean is worth; None
            learns it (empirical Bayes).
        bits, cap, tf, idf: of hashed words, see `routelab.signals.features.HashedWords`.
        words_penalty, numbers_penalty, embedding_penalty: of the squared weights; the latter two
            at least, as cross-validation may choose a stronger one.
        rounds, rate, leaves, leaf_rows, leaf_penalty: of the boosted trees.
        tree_rows, tree_most_rows: rows below which no trees are grown beside other learners, and
            rows that trees are grown on at most, drawn at random; shallow trees learn no more.
        near, neighbors, points: what distance is measured on, how many neighbours vote, and
            how many rows are kept to be neighbours.
        loss: "log" fits probabilities (logistic, log loss), for quality only.
        even: pull of the blend's weights towards equal ones.
        bend: calibrate the differences between models by how hard a request is for all, from a
            thousand rows on; of a blend only.
        calibrator: of probabilities, each model's apart; "auto" is Platt's below a thousand rows,
            else beta. It mends the error of each model and harms the differences between models,
            which routing follows, so that "none" is the default.
        folds: of the cross-fitting that yields blend weights and calibrators.
        most_rows: rows beyond it are left out at random, as what they add is small.
    """

    learners: tuple[Name, ...] = ("prior", "words", "numbers", "trees")
    by: Literal["task", "tenant"] = "task"
    shrink: float | None = None
    bits: int = 16
    cap: int = 8192
    tf: Literal["log", "raw", "binary"] = "log"
    idf: bool = False
    words_penalty: float = 5.0
    numbers_penalty: float = 10.0
    embedding_penalty: float = 3000.0
    rounds: int = 30
    rate: float = 0.1
    leaves: int = 8
    leaf_rows: int = 50
    leaf_penalty: float = 10.0
    tree_rows: int = 2000
    tree_most_rows: int = 15_000
    near: Literal["numbers", "embedding"] = "numbers"
    neighbors: int = 100
    points: int = 2000
    loss: Literal["squared", "log"] = "squared"
    even: float = 10.0
    bend: bool = True
    calibrator: Calibration = "none"
    folds: int = 4
    most_rows: int = 60_000

    def __post_init__(self) -> None:
        problems = [
            f"recipe: {field} is {getattr(self, field)}; it must be {rule}"
            for field, low, rule in _LIMITS
            if getattr(self, field) is not None and not getattr(self, field) >= low
        ]
        if not self.learners or len(set(self.learners)) < len(self.learners):
            problems.append(f"recipe: learners {self.learners} must be one or more, each once")
        if problems:
            raise LearningError(*problems)


_LIMITS: tuple[tuple[str, float, str], ...] = (
    ("shrink", 0.0, "0 or more"),
    ("words_penalty", 1e-6, "above 0"),
    ("numbers_penalty", 1e-6, "above 0"),
    ("embedding_penalty", 1e-6, "above 0"),
    ("rounds", 1, "1 or more"),
    ("rate", 1e-6, "above 0"),
    ("leaves", 2, "2 or more"),
    ("leaf_rows", 1, "1 or more"),
    ("leaf_penalty", 0.0, "0 or more"),
    ("tree_rows", 0, "0 or more"),
    ("tree_most_rows", 1, "1 or more"),
    ("neighbors", 1, "1 or more"),
    ("points", 1, "1 or more"),
    ("even", 0.0, "0 or more"),
    ("folds", 2, "2 or more"),
    ("most_rows", 1, "1 or more"),
)


class Span(NamedTuple):
    """A range of numbers, whole ones where both ends are.

    Attributes:
        low, high: the ends, both included.
        log: spread evenly on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False


def space() -> dict[str, tuple[Any, ...] | Span]:
    """The fields of a recipe that a search may vary: a tuple of choices, or a span of numbers.

    Learners are written as one string each ("words+trees"), since samplers of most
    libraries want plain choices; `recipe` reads them back.
    """
    return {
        "learners": (
            "prior+words+numbers+trees",
            "prior+words+trees",
            "words+numbers+trees",
            "words+trees",
            "words+numbers",
            "prior+words",
            "words",
            "trees",
        ),
        "idf": (True, False),
        "tf": ("log", "raw", "binary"),
        "words_penalty": Span(1.0, 30.0, log=True),
        "numbers_penalty": Span(1.0, 1000.0, log=True),
        "rounds": Span(15, 80),
        "leaves": Span(4, 16),
        "leaf_rows": Span(20, 100),
    }


def recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe with these values of `space` in place of the defaults.

    Args:
        values: by field; learners as one string with "+", or a list.
    Raises:
        LearningError: an unknown field, or a value of the wrong type or out of range.
    """
    plain = dict(values)
    if isinstance(plain.get("learners"), str):
        plain["learners"] = plain["learners"].split("+")
    try:
        return msgspec.convert(plain, Recipe)
    except msgspec.ValidationError as error:
        raise LearningError(f"recipe: {error}") from error
