"""What routelab asks of every kind, as classes to subclass in pytest; for those who bring kinds.

    class TestByLength(PolicyConformance):
        packages = ("example_kind",)
        policies = (ByLength("small", "large", 40),)

Kinds of routelab itself are held to the same. Models, signals and scorers that policies may name
are those of `routelab.testing.world`.
"""

from __future__ import annotations

from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError

try:
    import hypothesis as _hypothesis  # noqa: F401
    import pytest
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"routelab.testing needs {error.name}, which the testing extra brings:"
        f" {how_to_install('testing')}"
    ) from error

_SUITES = ("features", "gates", "graders", "importers", "policies", "scorers", "signals")
pytest.register_assert_rewrite(*(f"{__name__}.{it}" for it in _SUITES))  # failures show values

from routelab.testing.features import FeatureConformance  # noqa: E402
from routelab.testing.gates import GateConformance  # noqa: E402
from routelab.testing.graders import GraderConformance  # noqa: E402
from routelab.testing.importers import ImporterConformance  # noqa: E402
from routelab.testing.policies import PolicyConformance  # noqa: E402
from routelab.testing.scorers import CalibratorConformance, ScorerConformance  # noqa: E402
from routelab.testing.signals import SignalConformance  # noqa: E402
from routelab.testing.suite import Conformance  # noqa: E402

__all__ = [
    "CalibratorConformance",
    "Conformance",
    "FeatureConformance",
    "GateConformance",
    "GraderConformance",
    "ImporterConformance",
    "PolicyConformance",
    "ScorerConformance",
    "SignalConformance",
]
