"""The kind passes what routelab asks of its own kinds."""

from __future__ import annotations

import pytest
from example_kind import ByLength

from routelab.errors import PolicyError
from routelab.testing import PolicyConformance


class TestByLength(PolicyConformance):
    packages = ("example_kind",)
    policies = (
        ByLength("small", "large", 40),
        ByLength("expert", "middle", 1),
        ByLength("small", "expert", 10**6),
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [(("small", "small", 9), "name two models"), (("small", "large", 0), "1 or more")],
)
def test_what_makes_no_sense_is_refused(fields, why):
    with pytest.raises(PolicyError, match=why):
        ByLength(*fields)
