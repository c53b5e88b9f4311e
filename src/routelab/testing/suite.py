"""The base of the suites: examples are attributes of a class, and every check runs on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings

from routelab.core import use_listed

some = settings(
    deadline=None,  # how long an example takes says how busy the machine is
    max_examples=25,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
"""For checks on drawn values; several classes inherit each."""


class Conformance:
    """A suite for kinds of one sort.

    Attributes:
        packages: that bring the kinds, where an installed package does.
        examples: argument of the checks to the attribute that holds its values.
    """

    packages: ClassVar[Sequence[str]] = ()
    examples: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        use_listed(cls.packages)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        for argument, attribute in self.examples.items():
            if argument in metafunc.fixturenames:
                given = getattr(self, attribute)
                names = given if isinstance(given, Mapping) else None
                metafunc.parametrize(argument, list(given), ids=None if names else self.label)

    def label(self, example: Any) -> str:
        """The name of an example in the names of its tests."""
        return type(example).__name__.lower()

    def test_there_are_examples(self) -> None:
        for attribute in self.examples.values():
            name = f"{type(self).__name__}.{attribute}"
            assert len(getattr(self, attribute)), f"{name} is empty; name values of your kinds"
