"""An example of every kind of policy."""

from __future__ import annotations

from routelab import gates
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
from routelab.testing.log import awkward
from routelab.testing.world import MODELS

__all__ = ["awkward", "examples"]

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
            Conditional(
                rules=(
                    Rule(when=Match(task=("maths", "")), policy=Fixed(model="large")),
                    Rule(when=Match(task=("code", "maths")), policy=_PAIR),
                ),
                otherwise=Fixed(model="small"),
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
