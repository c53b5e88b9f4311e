"""The conformance suite of policy kinds."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab import replay, scorers
from routelab.core import MAX_CALLS, Call, Context, Decision, Feedback, Request, drive
from routelab.core.catalogue import Catalogue, Model
from routelab.errors import NoModelError, RouteError, UncoveredError
from routelab.gates import Function
from routelab.logs.model import Log
from routelab.policies import Conditional, Parallel, Policy, from_wire, to_wire
from routelab.policy_file import Document, PolicyFile, write
from routelab.replay import Replay, engine
from routelab.replay_server import pointed_at, replay_app
from routelab.runtime import AsyncRouter, Router, RouterConfig
from routelab.scorers import ScorerSet
from routelab.testing.log import GRID, awkward, catalogues, house, logs, prompt
from routelab.testing.suite import Conformance, some
from routelab.testing.world import FEATURES, MODELS, SCORERS, SCORING, TASKS, TENANTS, TENSORS

Outcome: TypeAlias = Decision | str
"""Of a request: what was decided, or the name of the error."""

_SEED = 11


class PolicyConformance(Conformance):
    """JSON round trip, termination, only allowed models, and replay = generator = runtime.

    Attributes:
        policies: examples, whose models, signals and scorers are those of
            `routelab.testing.world`.
        features, scorers, tensors: in place of that world's, for policies that need others.
    """

    policies: ClassVar[Sequence[Policy]] = ()
    features: ClassVar[Mapping[str, Any]] = FEATURES
    scorers: ClassVar[Mapping[str, Any]] = SCORERS
    tensors: ClassVar[Mapping[str, Any]] = TENSORS
    scoring: ClassVar[ScorerSet] = SCORING
    examples: ClassVar[Mapping[str, str]] = {"policy": "policies"}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if {"features", "scorers", "tensors"} & cls.__dict__.keys():
            cls.scoring = scorers.load_scorers(
                cls.features, cls.scorers, cls.tensors, models=MODELS
            )

    def reach(self, policy: Policy, request: Request) -> set[str]:
        """The models that a policy may call for a request; override where rules restrict it."""
        while isinstance(policy, Conditional):
            held = [rule.policy for rule in policy.rules if rule.when.holds(request)]
            policy = [*held, policy.otherwise][0]
        return set(policy.models_used)

    def repeatable(self, policy: Policy) -> bool:
        """Whether two runs must agree; who answers first is for the network to say."""
        return not (isinstance(policy, Parallel) and policy.pick == "first")

    def test_json_gives_the_policy_back(self, policy: Policy) -> None:
        text = msgspec.json.encode(to_wire(policy))
        assert from_wire(msgspec.json.decode(text)) == policy

    def test_a_policy_says_in_sentences_what_it_does_with_every_model_and_signal(
        self, policy: Policy
    ) -> None:
        sentences = policy.explained
        assert sentences
        assert all(it[0].isupper() and it.endswith(".") and "\n" not in it for it in sentences)
        text = " ".join(sentences)
        assert all(name in text for name in (*policy.models_used, *policy.signals_used))

    def test_only_what_looks_at_nothing_goes_by_chance_alone(self, policy: Policy) -> None:
        looks = policy.signals_used or policy.scorer_uses or policy.gates_used or policy.probes
        assert not (policy.by_chance and (looks or policy.reads_text))

    @some
    @given(answers=st.data(), allowed=st.sets(st.sampled_from(MODELS)), key=st.text(max_size=9))
    def test_a_policy_ends_and_calls_only_allowed_models_of_its_own(
        self, policy: Policy, answers: st.DataObject, allowed: set[str], key: str
    ) -> None:
        calls: list[Call] = []

        def answer(call: Call) -> Feedback:
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
            context = Context(request, sorted(allowed), scoring=self.scoring)
            decision = drive(policy, context, answer)
        except NoModelError:
            assert not allowed & self.reach(policy, request)
        except RouteError:
            assert calls
        else:
            assert decision.models == tuple(call.model for call in calls)
            assert decision.answer.model in decision.models
        assert len(calls) <= MAX_CALLS
        assert {call.model for call in calls} <= allowed & set(policy.models_used)
        assert {name for call in calls for name in call.need} <= set(policy.signals_used)

    @some
    @given(log=logs, catalogue=catalogues, seed=st.integers(0, 3))
    def test_the_batch_form_is_the_generator(
        self, policy: Policy, log: Log, catalogue: Catalogue | None, seed: int
    ) -> None:
        options: dict[str, Any] = {"catalogue": catalogue, "seed": seed, "scoring": self.scoring}
        batch = replay.run(policy, log, **options)
        assert_equal(batch, replay.run_generator(policy, log, **options))

    def test_blocks_leave_no_seam(self, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
        log = awkward(40, 3)
        whole = replay.run(policy, log, scoring=self.scoring)
        monkeypatch.setattr(engine, "BLOCK", 7)
        assert_equal(replay.run(policy, log, scoring=self.scoring), whole)
        assert len({*zip(whole.answered.tolist(), whole.calls.tolist(), strict=True)}) > 1

    @some
    @given(log=logs, catalogue=catalogues)
    def test_a_model_that_lacks_a_need_is_never_called(
        self, policy: Policy, log: Log, catalogue: Catalogue | None
    ) -> None:
        known = catalogue or Catalogue()
        for row in range(len(log)):
            request = log.requests.request(row)
            reached = self.reach(policy, _as_asked(request, row))
            able = set(known.allowed(sorted(reached), request.needs))
            try:
                decision = replay.decide(policy, log, row, catalogue=known, scoring=self.scoring)
            except NoModelError:
                assert not able
            except (RouteError, UncoveredError):
                assert able
            else:
                assert set(decision.models) <= able

    def test_metadata_that_a_policy_does_not_name_changes_nothing(self, policy: Policy) -> None:
        log = awkward(12, 3)
        read = policy.metadata_used.union(*map(self.scoring.metadata_used, policy.scorers_used))
        assert read <= {"task", "tenant", "priority"}
        for field in sorted({"task", "tenant", "priority"} - read):
            unknown = np.array(["not known"] * len(log), dtype=object)
            requests = dataclasses.replace(log.requests, **{field: unknown})
            other = dataclasses.replace(log, requests=requests)
            for row in range(len(log)):
                known = repr(self.replayed(policy, log, row, None))
                assert repr(self.replayed(policy, other, row, None)) == known, field

    def test_a_policy_whose_models_are_all_ruled_out_says_so(self, policy: Policy) -> None:
        log = awkward(30, 5)
        mute = Catalogue({name: Model(capabilities=()) for name in MODELS})
        assert log.requests.needs is not None
        needy = np.flatnonzero([len(needs) > 0 for needs in log.requests.needs])
        done = replay.run(policy, log, catalogue=mute, scoring=self.scoring)
        assert np.all(done.answered[needy] == -1)
        assert np.all(done.cost_usd[needy] == 0.0)
        assert np.all(np.isnan(done.latency_s[needy]))
        with pytest.raises(NoModelError, match=str(log.requests.id[needy[0]])):
            replay.decide(policy, log, int(needy[0]), catalogue=mute, scoring=self.scoring)

    def test_production_repeats_the_replay(self, policy: Policy, tmp_path: Path) -> None:
        if not self.repeatable(policy):
            pytest.skip("two runs need not agree")
        log = as_servers_see_it(awkward(40, 8, broken=0.15))
        self.assert_repeated(policy, with_budgets(log), tmp_path)

    def assert_repeated(self, policy: Policy, log: Log, folder: Path) -> None:
        """Both routers decide as the replay does, and golden decisions are as when written.

        Args:
            policy: to decide.
            log: of the world.
            folder: to write the policy to.
        """
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
            features=self.features,
            scorers=self.scorers,
            seed=_SEED,
        )
        path = folder / "conformance.policy"
        chosen = write(path, document, "# conformance\n", self.tensors)
        assert chosen.verify() == []
        routed = asyncio.run(_route_all(chosen, log))
        expected = [self.replayed(policy, log, row, catalogue) for row in range(len(log))]
        known = [row for row, decision in enumerate(expected) if decision is not None]
        assert [seen(routed[row]) for row in known] == [seen(expected[row]) for row in known]
        assert sum(not isinstance(routed[row], str) for row in known) > len(log) / 6
        blocking = _route_some(chosen, log, range(0, len(log), 5))
        assert [seen(one) for one in blocking] == [seen(one) for one in routed[::5]]

    def replayed(
        self, policy: Policy, log: Log, row: int, catalogue: Catalogue | None
    ) -> Outcome | None:
        """The replay's outcome of a request; None where the log cannot know.

        Args:
            policy: to decide.
            log: of the world.
            row: of the log.
            catalogue: of the models; None for the log's.
        """
        try:
            return replay.decide(
                policy, log, row, catalogue=catalogue, seed=_SEED, scoring=self.scoring
            )
        except UncoveredError:
            return None
        except RouteError as error:
            return type(error).__name__


def as_servers_see_it(log: Log) -> Log:
    """The log where a call that failed, or was not logged, gives no signal, as over HTTP."""
    for values in log.signals.values():
        values[log.error] = np.nan
    return log


def with_budgets(log: Log) -> Log:
    """A third of the requests may cost no more than some models are predicted to."""
    rng = np.random.default_rng(3)
    budget = np.where(rng.random(len(log)) < 2 / 3, np.nan, rng.random(len(log)) / 100.0)
    return dataclasses.replace(log, requests=dataclasses.replace(log.requests, max_cost_usd=budget))


def seen(decision: Outcome | None) -> Any:
    """All of a decision that a log and a server can agree on."""
    if decision is None or isinstance(decision, str):
        return decision
    steps = [
        (step.call, step.threshold, step.feedback.cost_usd, repr(dict(step.feedback.signals)))
        for step in decision.steps
    ]
    drawn = (decision.choices, decision.scores)
    return steps, decision.answer.model, decision.cost_usd, drawn


def assert_equal(one: Replay, other: Replay) -> None:
    """That two replays are the same to the last bit."""
    assert one.models == other.models
    for name in ("answered", "quality", "cost_usd", "latency_s", "calls"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.dtype == theirs.dtype, name
        assert _canonical(mine) == _canonical(theirs), name


def _canonical(values: npt.NDArray[Any]) -> bytes:
    """The bits, with every NaN alike."""
    return np.where(np.isnan(values), np.nan, values).tobytes()


def _as_asked(request: Request, row: int) -> Request:
    return msgspec.structs.replace(request, messages=({"role": "user", "content": prompt(row)},))


def _asking(log: Log, row: int) -> dict[str, Any]:
    request = log.requests.request(row)
    fields = ("id", "task", "tenant", "priority", "needs", "max_cost_usd")
    assert log.texts is not None
    return {
        "messages": log.texts.prompts(np.array([row]))[0],
        **{name: getattr(request, name) for name in fields},
    }


def _config(chosen: PolicyFile, log: Log) -> RouterConfig:
    """The log behind ASGI, and the functions that the policy's gates name."""
    import httpx

    named = {gate.function for gate in chosen.policy.gates_used if isinstance(gate, Function)}
    functions = dict.fromkeys(named, house)
    return RouterConfig(transport=httpx.ASGITransport(replay_app(log)), gate_functions=functions)


def _route_some(chosen: PolicyFile, log: Log, rows: Iterable[int]) -> list[Outcome]:
    """The requests by the router that blocks."""
    with Router(chosen, chosen.document.catalogue, config=_config(chosen, log)) as router:

        def ask(row: int) -> Callable[[], Any]:
            return lambda: router.route(**_asking(log, row))

        return [_outcome(ask(row)) for row in rows]


def _outcome(route: Callable[[], Any]) -> Outcome:
    try:
        decision: Decision = route().decision
    except RouteError as error:
        return type(error).__name__
    return decision


async def _route_all(chosen: PolicyFile, log: Log) -> list[Outcome]:
    async with AsyncRouter(
        chosen, chosen.document.catalogue, config=_config(chosen, log)
    ) as router:
        return [await _route(router, _asking(log, row)) for row in range(len(log))]


async def _route(router: AsyncRouter, request: dict[str, Any]) -> Outcome:
    try:
        routed = await router.route(**request)
    except RouteError as error:
        return type(error).__name__
    return routed.decision
