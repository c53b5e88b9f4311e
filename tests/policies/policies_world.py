"""An example of every kind of policy, and logs that are awkward on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from scorers_world import MODELS, TASKS, TENANTS

from routelab import gates
from routelab.core.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.logs.log import Log, Requests
from routelab.logs.texts import TextsInMemory
from routelab.policies import (
    Cascade,
    CascadeRouting,
    Conditional,
    Explore,
    Fallback,
    Fixed,
    GainCascade,
    Gated,
    Match,
    Mixture,
    Neighbors,
    Parallel,
    Policy,
    Retry,
    Rule,
    Tiers,
    Utility,
)

PROMPTS = (
    "question",
    "",
    "Prove that there are infinitely many primes, step by step. Why not finitely many?",
    "```python\ndef f(x):\n    return x + 1\n```\nWhat does this do?",
    "Что такое инфляция?",
    "- one\n- two\n- three\n| a | b |\n" * 12,
    "三加四等于多少",
    "1 + 2 * 3 = ?",
    "\ud800 half a pair, \udc80 and the other half",
    "数 и ש ไ 안 🙂 e\u0301 \u202eabc\u0000\u200b",
)
ANSWERS = ("yes", "No.", "no", "", '{"a": 1}', "I'm sorry, but I can't help.", "a long answer")
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
NEEDS = ((), ("tools",), ("tools", "vision"), ("telepathy",))

_PAIR = Cascade(models=("small", "large"), thresholds=(0.5,), signal="sure")
_CHAIN = Cascade(models=("small", "middle", "large"), thresholds=(0.75, 0.25), signal="agreement")
_TIERS = Tiers(scorer="hardness", models=("small", "middle", "expert"), thresholds=(0.4, 0.6))
_UTILITY = Utility(models=MODELS, quality="quality", cost="cost", cost_weight=50.0)
_GAINS = GainCascade(
    models=("small", "middle", "large"),
    gain="gain",
    signals=("sure",),
    costs=(0.0, 1e-3, 4e-3),
    cost_weight=25.0,
)
_ROUTING = CascadeRouting(
    models=("small", "middle", "large", "expert"),
    quality="quality",
    after="judged",
    signals=("sure", "agreement"),
    resolution=(0.5, 0.4, 0.7, 0.6),
    costs=(5e-4, 1e-3, 4e-3, 2e-3),
    cost_weight=30.0,
)


def examples() -> dict[str, tuple[Policy, ...]]:
    """Policies of every kind, by the kind's name in JSON; models and signals as in `awkward`."""
    return {
        "fixed": (Fixed(model="small"), Fixed(model="expert")),
        "cascade": (
            _PAIR,
            _CHAIN,
            Cascade(
                models=("middle", "small", "expert", "large"),
                thresholds=(-0.0, 1e-300, 1.0 + 2**-52),
                signal="sure",
            ),
        ),
        "mixture": (
            Mixture(first=_PAIR, second=_CHAIN, weight=0.3),
            Mixture(first=Fixed(model="large"), second=_CHAIN, weight=1.0, name="always first"),
            Mixture(
                first=Mixture(first=_PAIR, second=Fixed(model="expert"), weight=0.5, name="inner"),
                second=Fixed(model="middle"),
                weight=2 / 3,
                name="outer",
            ),
        ),
        "tiers": (_TIERS, Tiers(scorer="hardness", models=("large", "small"), thresholds=(0.5,))),
        "utility": (
            _UTILITY,
            Utility(models=("middle",), quality="by task"),
            Utility(
                models=("small", "large", "expert"),
                quality="by task",
                costs=(1e-3, 1e-3, 2e-3),
                cost_weight=100.0,
                latency="seconds",
                latency_weight=0.25,
            ),
            Utility(
                models=("small", "expert"),
                quality="alike",
                latencies=(0.5, 2.0),
                latency_weight=0.1,
            ),
        ),
        "neighbors": (
            Neighbors(models=("small", "large"), scorer="alike"),
            Neighbors(
                models=("middle", "large", "expert"),
                scorer="alike",
                costs=(1e-3, 5e-3, 2e-3),
                cost_weight=40.0,
            ),
        ),
        "gain-cascade": (
            _GAINS,
            GainCascade(models=("small", "expert"), gain="gain", margins=(0.05,)),
            GainCascade(
                models=("middle", "large", "expert"),
                gain="gain",
                signals=("sure", "agreement"),
                cost="cost",
                cost_weight=60.0,
            ),
        ),
        "cascade-routing": (
            _ROUTING,
            CascadeRouting(models=("small", "large"), quality="by task"),
            CascadeRouting(
                models=("small", "middle", "expert"),
                quality="by task",
                after="judged",
                signals=("agreement",),
                resolution=(1.0, 0.8, 0.6),
                cost="cost",
                cost_weight=20.0,
                max_steps=2,
                supermodels="prefix",
            ),
        ),
        "conditional": (
            Conditional(
                rules=(
                    Rule(when=Match(task=("maths",), priority=("high", "")), policy=_GAINS),
                    Rule(when=Match(needs=("tools",), tenant=("north",)), policy=_UTILITY),
                    Rule(when=Match(language=("Han", "no letters")), policy=Fixed(model="expert")),
                    Rule(when=Match(min_characters=40, max_characters=90), policy=_TIERS),
                ),
                otherwise=_PAIR,
            ),
            Conditional(
                rules=(Rule(when=Match(tenant=("south",)), policy=_ROUTING),),
                otherwise=Conditional(
                    rules=(Rule(when=Match(task=("code",)), policy=_CHAIN),),
                    otherwise=Mixture(first=_PAIR, second=_TIERS, weight=0.5),
                ),
            ),
        ),
        "explore": (
            Explore(policy=_PAIR, epsilon=0.3),
            Explore(policy=Explore(policy=_UTILITY, epsilon=0.5, name="a"), epsilon=1.0, name="b"),
            Explore(policy=Mixture(first=_GAINS, second=_TIERS, weight=0.5), epsilon=0.25),
        ),
        "fallback": (
            Fallback(policies=(_PAIR, Fixed(model="expert"))),
            Fallback(policies=(_TIERS, _CHAIN, Fixed(model="small"))),
        ),
        "gated": (
            Gated(policy=_CHAIN, gates=(gates.NonEmpty(), gates.Length(least=3, most=9))),
            Gated(
                policy=Fallback(policies=(Fixed(model="middle"), _UTILITY)),
                gates=(gates.Pattern(regex="no", absent=True), gates.Refusal(), gates.Json()),
            ),
            Gated(
                policy=Parallel(models=("small", "expert"), pick="confident", signal="sure"),
                gates=(gates.Function(function="house", timeout_s=5.0),),
            ),
        ),
        "parallel": (
            Parallel(models=("small", "middle")),
            Parallel(models=("large", "small", "expert"), pick="confident", signal="agreement"),
            Parallel(models=MODELS, pick="majority"),
        ),
        "retry": (
            Retry(model="small"),
            Retry(model="middle", times=3, signal="sure", threshold=0.75),
        ),
    }


def awkward(n: int, seed: int, *, broken: float = 0.2, unseen: float = 0.0) -> Log:
    """A log with ties, missing and failed calls, and signals that cost extra in both ways.

    Args:
        broken: share of calls that failed, of signals and latencies that are missing.
        unseen: share of outcomes that the log does not hold.
    """
    rng, who = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    models = tuple(rng.permutation(np.array(MODELS, dtype=object)))
    shape = (n, len(models))

    def holes(values: np.ndarray, share: float) -> np.ndarray:
        return np.asfortranarray(np.where(rng.random(shape) < share, np.nan, values))

    error = rng.random(shape) < broken
    seen = rng.random(shape) >= unseen
    log = Log(
        requests=Requests(
            id=np.array([f"r{seed}-{row}" for row in range(n)], dtype=object),
            task=_objects(who.choice([*TASKS, ""], n)),
            tenant=_objects(who.choice([*TENANTS, "west"], n)),
            priority=_objects(who.choice(["high", "low", ""], n)),
            needs=_objects([NEEDS[i] for i in rng.choice(4, n, p=(0.5, 0.3, 0.15, 0.05))]),
        ),
        models=models,
        quality=np.where(seen, np.where(error, 0.0, rng.choice(GRID, shape)), np.nan),
        cost_usd=np.where(seen, rng.lognormal(size=shape) / 977.0, np.nan),
        latency_s=holes(rng.lognormal(size=shape), broken / 2),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=holes(rng.integers(1, 2000, shape).astype(float), broken),
        error=error,
        signals={
            "sure": holes(rng.choice(GRID, shape), broken),
            "agreement": holes(rng.choice(GRID, shape), broken),
        },
        extra_usd={"agreement": rng.lognormal(size=shape) / 1e5},
        specs={
            "sure": SignalSpec(multiplier=3.1),
            "agreement": SignalSpec(extra_cost="agreement_usd"),
        },
    )
    return _second_sample(_answered(log, seed), [seed, 2], unseen)


def house(_request, text):
    """A gate of the house: answers of an even length."""
    return "odd" if len(text) % 2 else None


def _answered(log: Log, seed: object) -> Log:
    """The log with texts, and a column of the verdicts of a gate that is a function."""
    rng = np.random.default_rng([2026, *np.atleast_1d(seed)])
    said = rng.choice(np.array(ANSWERS, dtype=object), (len(log), len(log.models)))
    answers = {name: said[:, column].tolist() for column, name in enumerate(log.models)}
    verdicts = np.array([[float(house(None, text) is None) for text in row] for row in said])
    return replace(
        log,
        texts=TextsInMemory([prompt(row) for row in range(len(log))], answers),
        signals={**log.signals, "gate:house": np.asfortranarray(verdicts.reshape(said.shape))},
    )


def _second_sample(log: Log, seed: list[int], unseen: float) -> Log:
    """The log with what its models answered when they were asked once more."""
    rng = np.random.default_rng(seed)
    shape = log.quality.shape
    seen = rng.random(shape) >= unseen
    again = replace(
        log,
        quality=np.where(seen, rng.choice(GRID, shape), np.nan),
        cost_usd=np.where(seen, rng.lognormal(size=shape) / 977.0, np.nan),
        error=np.zeros(shape, dtype=np.bool_),
        signals={**log.signals, "sure": np.asfortranarray(rng.choice(GRID, shape))},
    )
    return replace(log, again=(_answered(again, seed),))


def prompt(row: int) -> str:
    """Of a request of an awkward log."""
    return f"{PROMPTS[row % len(PROMPTS)]} {row}"


def _objects(values: list) -> np.ndarray:
    """An array of tuples, which numpy would otherwise unpack."""
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


logs = st.builds(
    awkward,
    n=st.integers(1, 24),
    seed=st.integers(0, 2**32 - 1),
    broken=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    unseen=st.sampled_from([0.0, 0.3]),
)

capabilities = st.none() | st.sampled_from([(), ("tools",), ("vision",), ("tools", "vision")])

catalogues = st.none() | st.builds(
    lambda able: Catalogue(
        {name: Model(capabilities=has) for name, has in zip(MODELS, able, strict=True)}
    ),
    st.tuples(*[capabilities] * len(MODELS)),
)
