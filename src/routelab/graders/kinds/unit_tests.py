"""The answer is code that passes its tests."""

from __future__ import annotations

from typing import ClassVar

from routelab.errors import GradingError
from routelab.graders.grader import Case, Grader, code_in
from routelab.graders.sandbox import check_sandbox, run_tests


class UnitTests(Grader, frozen=True, tag="unit-tests"):
    """The answer's Python code passes the tests of the reference, in a sandbox.

    Tests are statements such as `assert f(2) == 4`, functions `test_*`, or a function `check` that
    is called with the function which `entry_column` names, as HumanEval has it. What the sandbox
    allows is said at `routelab.graders.sandbox.run_tests`. Where a machine cannot isolate code,
    nothing is run and nothing graded.

    Attributes:
        entry_column: of the log, with the name of the function that is tested.
        time_s: in which the tests must end.
        memory_mb: that they may take, beyond an empty Python.
        packages: installed packages can be imported.
    """

    slow: ClassVar[bool] = True

    entry_column: str = "entry_point"
    time_s: float = 5.0
    memory_mb: int = 512
    packages: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.time_s <= 600:
            raise GradingError(f"unit-tests: time_s is {self.time_s:g}; it lies in (0, 600]")
        if not 16 <= self.memory_mb <= 65_536:
            raise GradingError(f"unit-tests: memory_mb is {self.memory_mb}; it lies in [16, 65536]")

    def ready(self) -> None:
        check_sandbox()

    def grade(self, case: Case) -> float:
        if not case.references:
            raise GradingError("unit-tests: there are no tests, which the reference is to hold")
        entry = case.columns.get(self.entry_column)
        code = code_in(case.answer, "python", "py", "python3")
        return max(self._run(code, it, str(entry or "")) for it in case.references)

    def _run(self, code: str, tests: str, entry: str) -> float:
        found = run_tests(
            code,
            tests,
            entry=entry,
            time_s=self.time_s,
            memory_bytes=self.memory_mb << 20,
            packages=self.packages,
        )
        if not found.sound:
            raise GradingError(f"unit-tests: {found.why}")
        return float(found.passed)
