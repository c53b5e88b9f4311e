"""A sandbox: code of a stranger is run isolated and within bounds, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:  # its process imports what it needs, and nothing of what starts it
    from routelab.graders.sandbox.run import SandboxVerdict, check_sandbox, run_tests
else:
    __getattr__, __dir__ = attach(
        __name__, {"SandboxVerdict": "run", "check_sandbox": "run", "run_tests": "run"}
    )

__all__ = ["SandboxVerdict", "check_sandbox", "run_tests"]
