"""The catalogue's page names every field and its default, and its example gives them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from routelab.core.catalogue import PRICES, Parameters
from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model, Timeouts
from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules, RetryRules
from routelab.runtime.engine.balancing import BALANCERS

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r'"""\n(.*?)"""', PAGE, re.S)[1]
TOLD = PAGE.replace(EXAMPLE, "")


@pytest.mark.parametrize("kind", [Catalogue, Model, Deployment, Timeouts])
def test_every_field_is_given_and_explained(kind):
    for field in kind.__struct_fields__:
        assert re.search(rf"\b{field}\b", EXAMPLE), f"the example lacks {kind.__name__}.{field}"
        if kind is not Catalogue:
            assert f"`{field}`" in TOLD, f"the page does not explain {kind.__name__}.{field}"


@pytest.mark.parametrize("field", [*Parameters.__struct_fields__, *PRICES, "above_tokens"])
def test_every_parameter_and_price_is_explained(field):
    assert re.search(rf"`[^`]*{field}[^`]*`", TOLD), field


@pytest.mark.parametrize("kind", [EngineRules, RetryRules, BreakerRules])
def test_the_example_has_the_defaults_of_the_engine(kind):
    for field in kind.__struct_fields__:
        default = getattr(kind(), field)
        if field in ("retry", "breaker", "slow_s"):
            continue
        assert re.search(rf"^{field} = \"?{default}\"?$", EXAMPLE, re.M), f"{field} is {default}"
        assert f"`{field}`" in TOLD


def test_every_way_of_balancing_is_explained():
    for name in BALANCERS:
        assert f"| `{name}` |" in TOLD
