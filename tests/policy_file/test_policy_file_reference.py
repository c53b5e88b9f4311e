"""Directories written by the first version load for good."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from routelab.core.signal_spec import SignalSpec
from routelab.policies import Cascade, Fixed, Mixture
from routelab.policy_file import SCHEMA, load

POLICIES = Path(__file__).parents[2] / "policies"

CASCADE = Cascade(
    models=("small", "middle", "large"),
    thresholds=(0.7302154999999999, 0.5123455),
    signal="confidence",
)
MIXTURE = Mixture(
    first=Cascade(models=("small", "large"), thresholds=(0.1 + 0.2,), signal="agreement"),
    second=Mixture(first=Fixed(model="middle"), second=CASCADE, weight=1 / 3, name="inner"),
    weight=0.625,
)
REFERENCES = {"cascade": CASCADE, "mixture": MIXTURE}


@pytest.mark.parametrize("kind", REFERENCES)
def test_a_released_directory_still_loads_and_decides_as_it_did(kind):
    loaded = load(POLICIES / f"reference-{kind}.policy")
    assert loaded.policy == REFERENCES[kind]
    assert loaded.name == f"reference {kind}"
    assert len(loaded.golden) == 32
    assert {name for item in loaded.golden for name in item.calls} == {"small", "middle", "large"}
    assert loaded.verify() == []


def test_everything_in_the_first_schema_is_still_understood():
    assert SCHEMA == "routelab.policy/1"
    loaded = load(POLICIES / "reference-cascade.policy")
    document = loaded.document
    assert document.signals == {"confidence": SignalSpec(multiplier=3.0)}
    assert document.split is not None
    assert document.split.cuts_s == (1768521600.25, 1769040000.5, 1769299200.75)
    assert document.split.n["test"] == 199
    small = document.catalogue.model("small")
    assert small.cost_usd(1e6, 1e6) == pytest.approx(0.3)
    assert [it.provider for it in small.deployments] == ["north", "south"]
    assert document.catalogue.model("large").cost_reported
    assert loaded.tensors["bias"].tolist() == [0.5, -0.25]
    assert loaded.tensors["table"].dtype == np.float32
    mixture = load(POLICIES / "reference-mixture.policy").document
    assert mixture.signals["agreement"].extra_cost == "agreement_usd"
    assert mixture.seed == 20260101
