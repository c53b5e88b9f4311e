"""What every kind of policy owes its users, whatever kind is added to the registry."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies_world import GRID, MODELS, awkward, catalogues, examples, house, logs, prompt
from scorers_world import FEATURES, SCORERS, SCORING, TASKS, TENANTS, TENSORS

from routelab import replay
from routelab.core.catalogue import Catalogue, Model
from routelab.core.context import Context
from routelab.core.flow import MAX_CALLS, drive
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.errors import NoModelError, PolicyError, RouteError, UncoveredError
from routelab.gates import Function
from routelab.logs.texts import TextsInMemory
from routelab.policies import (
    KINDS,
    CascadeRouting,
    Conditional,
    Fixed,
    Mixture,
    Parallel,
    from_wire,
    to_wire,
)
from routelab.policy_file import Document, write
from routelab.replay import engine
from routelab.runtime import AsyncRouter, Router, RouterConfig
from routelab.serve import pointed_at, replay_app

GOLDEN = Path(__file__).parent / "golden"
NAMES = [kind.__struct_config__.tag for kind in KINDS]
POLICIES = [policy for policies in examples().values() for policy in policies]

every_kind = pytest.mark.parametrize("name", NAMES)
every_policy = pytest.mark.parametrize(
    "policy", POLICIES, ids=lambda policy: type(policy).__name__.lower()
)
RACES = [it for it in POLICIES if isinstance(it, Parallel) and it.pick == "first"]
"""Who answers first is for the network to say, and no two runs need agree."""

some = settings(deadline=None, max_examples=25)


@every_kind
def test_a_kind_has_examples_of_its_own(name):
    kind = KINDS[NAMES.index(name)]
    assert examples().get(name), f"add an example of {name!r} to policies_world.examples"
    assert all(type(policy) is kind for policy in examples()[name])


@every_policy
def test_json_gives_the_policy_back(policy):
    text = msgspec.json.encode(to_wire(policy))
    assert from_wire(msgspec.json.decode(text)) == policy


@every_policy
def test_a_policy_says_in_sentences_what_it_does_with_every_model_and_signal(policy):
    said = policy.explained
    assert said
    assert all(it[0].isupper() and it.endswith(".") and "\n" not in it for it in said)
    text = " ".join(said)
    assert all(name in text for name in (*policy.models_used, *policy.signals_used))


@every_policy
def test_only_what_looks_at_nothing_goes_by_chance_alone(policy):
    looks = policy.signals_used or policy.scorer_uses or policy.gates_used or policy.probes
    assert not (policy.by_chance and (looks or policy.reads_text))
    assert policy.by_chance == all(isinstance(it, Fixed | Mixture) for it in inside(policy))


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


@every_policy
@some
@given(answers=st.data(), allowed=st.sets(st.sampled_from(MODELS)), key=st.text(max_size=9))
def test_a_policy_ends_and_calls_only_allowed_models_of_its_own(policy, answers, allowed, key):
    calls = []

    def answer(call):
        calls.append(call)
        value = answers.draw(st.sampled_from([*GRID, math.nan, -math.inf, math.inf]))
        error = answers.draw(st.none() | st.just("broken"))
        return Feedback(call.model, dict.fromkeys(call.need, value), error=error)

    request = Request(
        key,
        messages=({"role": "user", "content": key},),
        task=answers.draw(st.sampled_from(TASKS)),
        tenant=answers.draw(st.sampled_from(TENANTS)),
    )
    try:
        decision = drive(policy, Context(request, sorted(allowed), scoring=SCORING), answer)
    except NoModelError:
        assert not allowed & reach(policy, request)
    except RouteError:
        assert calls
    else:
        assert decision.models == tuple(call.model for call in calls)
        assert decision.answer.model in decision.models
    assert len(calls) <= MAX_CALLS
    assert {call.model for call in calls} <= allowed & set(policy.models_used)
    assert {name for call in calls for name in call.need} <= set(policy.signals_used)


@every_policy
@some
@given(log=logs, catalogue=catalogues, seed=st.integers(0, 3))
def test_the_batch_form_is_the_generator(policy, log, catalogue, seed):
    world = {"catalogue": catalogue, "seed": seed, "scoring": SCORING}
    batch = replay.run(policy, log, **world)
    one_by_one = replay.run_generator(policy, log, **world)
    assert_equal(batch, one_by_one)


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


@every_policy
def test_blocks_leave_no_seam(policy, monkeypatch):
    log = awkward(40, 3)
    whole = replay.run(policy, log, scoring=SCORING)
    monkeypatch.setattr(engine, "BLOCK", 7)
    assert_equal(replay.run(policy, log, scoring=SCORING), whole)
    assert len({*zip(whole.answered.tolist(), whole.calls.tolist(), strict=True)}) > 1


@every_policy
@some
@given(log=logs, catalogue=catalogues)
def test_a_model_that_lacks_a_need_is_never_called(policy, log, catalogue):
    catalogue = catalogue or Catalogue()
    for row in range(len(log)):
        request = log.requests.request(row)
        able = set(catalogue.allowed(reach(policy, as_asked(request, row)), request.needs))
        try:
            decision = replay.decide(policy, log, row, catalogue=catalogue, scoring=SCORING)
        except NoModelError:
            assert not able
        except (RouteError, UncoveredError):
            assert able
        else:
            assert set(decision.models) <= able


@every_policy
def test_metadata_that_a_policy_does_not_name_changes_nothing(policy):
    log = awkward(12, 3)
    read = policy.metadata_used.union(*map(SCORING.metadata_used, policy.scorers_used))
    assert read <= {"task", "tenant", "priority"}
    for field in {"task", "tenant", "priority"} - read:
        unknown = np.array(["not known"] * len(log), dtype=object)
        changed = dataclasses.replace(log.requests, **{field: unknown})
        other = dataclasses.replace(log, requests=changed)
        for row in range(len(log)):
            known = repr(replayed(policy, log, row, None))
            assert repr(replayed(policy, other, row, None)) == known, field


@every_policy
def test_a_policy_whose_models_are_all_ruled_out_says_so(policy):
    log = awkward(30, 5)
    mute = Catalogue({name: Model(capabilities=()) for name in MODELS})
    needy = np.flatnonzero([len(needs) > 0 for needs in log.requests.needs])
    done = replay.run(policy, log, catalogue=mute, scoring=SCORING)
    assert np.all(done.answered[needy] == -1)
    assert np.all(done.cost_usd[needy] == 0.0)
    assert np.all(np.isnan(done.latency_s[needy]))
    with pytest.raises(NoModelError, match=str(log.requests.id[needy[0]])):
        replay.decide(policy, log, int(needy[0]), catalogue=mute, scoring=SCORING)


@pytest.mark.parametrize(
    "policy",
    [policy for policy in POLICIES if policy not in RACES],
    ids=lambda policy: type(policy).__name__.lower(),
)
def test_production_repeats_the_replay(policy, tmp_path):
    assert_repeated(policy, with_budgets(as_servers_see_it(awkward(40, 8, broken=0.15))), tmp_path)


@pytest.mark.parametrize("name", [name for name in NAMES if examples()[name][0].scorer_uses])
def test_a_prompt_of_ten_megabytes_is_decided_in_production_as_in_the_replay(name, tmp_path):
    log = as_servers_see_it(awkward(2, 8, broken=0.0))
    assert log.texts is not None
    answers = {model: log.texts.responses(np.arange(2), model) for model in log.models}
    prompts = [f"Why? {'lorem ipsum ' * 900_000} Prove it.", "Why? Prove it."]
    log = dataclasses.replace(log, texts=TextsInMemory(prompts, answers))
    assert_repeated(examples()[name][0], log, tmp_path)


def assert_repeated(policy, log, folder):
    """That both routers decide as the replay does."""
    able = Catalogue(
        {
            "small": Model(capabilities=()),
            "middle": Model(capabilities=("tools",)),
            "expert": Model(capabilities=("tools", "vision")),
        }
    )
    catalogue = pointed_at("http://replay.test/v1", MODELS, able)
    document = Document(
        name="conformance",
        policy=to_wire(policy),
        candidates=MODELS,
        catalogue=catalogue,
        signals=log.specs,
        features=FEATURES,
        scorers=SCORERS,
        seed=11,
    )
    chosen = write(folder / "conformance.policy", document, "# conformance\n", TENSORS)
    routed = asyncio.run(route_all(chosen, log))
    expected = [replayed(policy, log, row, catalogue) for row in range(len(log))]
    known = [row for row, decision in enumerate(expected) if decision is not None]
    assert [seen(routed[row]) for row in known] == [seen(expected[row]) for row in known]
    assert sum(not isinstance(routed[row], str) for row in known) > len(log) / 6
    blocking = route_some(chosen, log, range(0, len(log), 5))
    assert [seen(one) for one in blocking] == [seen(one) for one in routed[::5]]


def reach(policy, request):
    """The models that a policy may call for a request: rules restrict them."""
    while isinstance(policy, Conditional):
        held = [rule.policy for rule in policy.rules if rule.when.holds(request)]
        policy = [*held, policy.otherwise][0]
    return set(policy.models_used)


def as_asked(request, row):
    return msgspec.structs.replace(request, messages=({"role": "user", "content": prompt(row)},))


def as_servers_see_it(log):
    """A call that failed, or was not logged, gives no signal over HTTP."""
    for values in log.signals.values():
        values[log.error] = np.nan
    return log


def with_budgets(log):
    """A third of the requests may cost no more than some models are predicted to."""
    rng = np.random.default_rng(3)
    budget = np.where(rng.random(len(log)) < 2 / 3, np.nan, rng.random(len(log)) / 100.0)
    return dataclasses.replace(log, requests=dataclasses.replace(log.requests, max_cost_usd=budget))


def route_some(chosen, log, rows):
    """The same by the router that blocks."""
    with Router(chosen, config=RouterConfig(**world(chosen, log))) as router:
        return [outcome(lambda row=row: router.route(**asking(log, row))) for row in rows]


def world(chosen, log):
    """The log behind ASGI, and the functions that the policy's gates name."""
    named = {gate.function for gate in chosen.policy.gates_used if isinstance(gate, Function)}
    functions = dict.fromkeys(named, house)
    return {"transport": httpx.ASGITransport(replay_app(log)), "gate_functions": functions}


def outcome(route):
    try:
        return route().decision
    except RouteError as error:
        return type(error).__name__


async def route_all(chosen, log):
    async with AsyncRouter(chosen, config=RouterConfig(**world(chosen, log))) as router:
        return [await route(router, asking(log, row)) for row in range(len(log))]


async def route(router, request):
    try:
        routed = await router.route(**request)
    except RouteError as error:
        return type(error).__name__
    return routed.decision


def asking(log, row):
    request = log.requests.request(row)
    told = ("id", "task", "tenant", "priority", "needs", "max_cost_usd")
    return {
        "messages": log.texts.prompts([row])[0],
        **{name: getattr(request, name) for name in told},
    }


def replayed(policy, log, row, catalogue):
    try:
        return replay.decide(policy, log, row, catalogue=catalogue, seed=11, scoring=SCORING)
    except UncoveredError:
        return None
    except RouteError as error:
        return type(error).__name__


def seen(decision):
    """All of a decision that a log and a server can agree on."""
    if isinstance(decision, str):
        return decision
    steps = [
        (step.call, step.threshold, step.feedback.cost_usd, repr(dict(step.feedback.signals)))
        for step in decision.steps
    ]
    said = (decision.choices, decision.scores)
    return steps, decision.answer.model, decision.cost_usd, said


def assert_equal(one, other):
    assert one.models == other.models
    for name in ("answered", "quality", "cost_usd", "latency_s", "calls"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.dtype == theirs.dtype, name
        assert canonical(mine) == canonical(theirs), name


def canonical(values):
    """The bits, with every NaN alike."""
    return np.where(np.isnan(values), np.nan, values).tobytes()


def test_a_kind_that_is_not_in_the_registry_is_refused_by_name():
    with pytest.raises(PolicyError, match="telepath"):
        from_wire({"kind": "telepath", "model": "small"})
