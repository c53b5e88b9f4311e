"""The answer is JSON of the reference's value."""

from __future__ import annotations

from typing import Any

from routelab.errors import GradingError
from routelab.gates import json_value
from routelab.graders.grader import Grader

_DEEPEST = 200


class JsonMatch(Grader, frozen=True, tag="json"):
    """The whole answer is one JSON value, equal to the reference's.

    Order of keys does not count, nor how a number is written; order of lists does.

    Attributes:
        subset: objects of the answer may have further keys.
        fenced: a Markdown code block around it is let pass.
    """

    subset: bool = False
    fenced: bool = True

    def compare(self, answer: str, reference: str) -> float:
        try:
            right = json_value(reference, fenced=False)
        except ValueError as error:
            raise GradingError(f"json: the reference is not JSON: {error}") from error
        try:
            return float(self._equal(json_value(answer, fenced=self.fenced), right, 0))
        except ValueError:
            return 0.0

    def _equal(self, said: Any, right: Any, depth: int) -> bool:
        if depth > _DEEPEST:
            raise GradingError(f"json: more than {_DEEPEST} lists and objects in one another")
        if isinstance(said, bool) or isinstance(right, bool):
            return said is right
        if isinstance(said, dict) and isinstance(right, dict):
            keys = right.keys() <= said.keys() if self.subset else right.keys() == said.keys()
            return keys and all(self._equal(said[it], right[it], depth + 1) for it in right)
        if isinstance(said, list) and isinstance(right, list):
            return len(said) == len(right) and all(
                self._equal(one, other, depth + 1) for one, other in zip(said, right, strict=True)
            )
        return bool(said == right)
