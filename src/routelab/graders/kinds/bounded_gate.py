"""Grades by gates of routelab, within the gates' bounds of time and memory."""

from __future__ import annotations

from routelab.core import Gate
from routelab.errors import GradingError, RoutelabError
from routelab.gates import is_quick, verdict


def gate_grade(gate: Gate, answer: str) -> float:
    """1 where the gate lets the answer pass, and 0 where it refuses it.

    Raises:
        GradingError: it cannot tell, or gives no verdict in time.
    """
    if is_quick(gate, answer):
        try:
            return float(gate.problem(answer) is None)
        except RoutelabError as error:
            raise GradingError(*error.problems) from error
        except Exception as error:
            raise GradingError(f"{gate.name}: {type(error).__name__}: {error!s:.200}") from error
    problem = verdict(gate, answer)
    if problem is not None and problem.startswith(
        (f"{gate.name} gave no verdict", f"{gate.name} could not judge")
    ):
        raise GradingError(problem)
    return float(problem is None)
