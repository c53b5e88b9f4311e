"""What every kind of policy owes its users, whatever kind is added to the registry."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies_world import examples

from routelab import replay
from routelab.errors import PolicyError
from routelab.logs.formats.texts import TextsInMemory
from routelab.policies import KINDS, CascadeRouting, Fixed, Mixture, from_wire, to_wire
from routelab.testing import PolicyConformance
from routelab.testing.log import GRID, awkward, catalogues, logs
from routelab.testing.policies import as_servers_see_it, assert_equal
from routelab.testing.suite import some
from routelab.testing.world import SCORING

GOLDEN = Path(__file__).parent / "golden"
NAMES = [kind.__struct_config__.tag for kind in KINDS]

every_kind = pytest.mark.parametrize("name", NAMES)


class TestEveryKind(PolicyConformance):
    policies = tuple(policy for policies in examples().values() for policy in policies)

    def test_only_mixtures_of_single_models_go_by_chance_alone(self, policy):
        alone = all(isinstance(it, Fixed | Mixture) for it in inside(policy))
        assert policy.by_chance == alone


@every_kind
def test_a_kind_has_examples_of_its_own(name):
    kind = KINDS[NAMES.index(name)]
    assert examples().get(name), f"add an example of {name!r} to policies_world.examples"
    assert all(type(policy) is kind for policy in examples()[name])


def inside(policy):
    """A policy and all that are in it."""
    return [policy, *(it for part in policy.parts for it in inside(part))]


@every_kind
def test_the_committed_json_of_a_kind_is_read_and_written_unchanged(name):
    committed = (GOLDEN / f"{name}.json").read_bytes()
    policies = [from_wire(data) for data in msgspec.json.decode(committed)]
    assert policies == list(examples()[name])
    written = msgspec.json.encode([to_wire(policy) for policy in policies])
    assert msgspec.json.format(written, indent=2) + b"\n" == committed


@some
@given(
    log=logs,
    catalogue=catalogues,
    steps=st.none() | st.integers(1, 4),
    sets=st.sampled_from(("any", "single", "prefix")),
    weight=st.sampled_from((0.0, 5.0, 60.0, 900.0)),
    resolution=st.lists(st.sampled_from(GRID), min_size=4, max_size=4),
    signals=st.sampled_from(((), ("sure",), ("sure", "agreement"))),
)
def test_any_cascade_routing_goes_on_and_back_alike_in_batches(
    log, catalogue, steps, sets, weight, resolution, signals
):
    policy = CascadeRouting(
        models=("small", "middle", "large", "expert"),
        quality="quality",
        after="judged",
        signals=signals,
        resolution=tuple(resolution),
        costs=(5e-4, 1e-3, 4e-3, 2e-3),
        cost_weight=weight,
        max_steps=steps,
        supermodels=sets,
    )
    world = {"catalogue": catalogue, "scoring": SCORING}
    one_by_one = replay.run_generator(policy, log, **world)
    assert_equal(replay.run(policy, log, **world), one_by_one)


@pytest.mark.parametrize("name", [name for name in NAMES if examples()[name][0].scorer_uses])
def test_a_prompt_of_ten_megabytes_is_decided_in_production_as_in_the_replay(name, tmp_path):
    log = as_servers_see_it(awkward(2, 8, broken=0.0))
    assert log.texts is not None
    answers = {model: log.texts.responses(np.arange(2), model) for model in log.models}
    prompts = [f"Why? {'lorem ipsum ' * 900_000} Prove it.", "Why? Prove it."]
    log = dataclasses.replace(log, texts=TextsInMemory(prompts, answers))
    TestEveryKind().assert_repeated(examples()[name][0], log, tmp_path)


def test_a_kind_that_is_not_in_the_registry_is_refused_by_name():
    with pytest.raises(PolicyError, match="telepath"):
        from_wire({"kind": "telepath", "model": "small"})
