"""An example of every kind of policy, and logs that are awkward on purpose."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from routelab.core.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.logs.log import Log, Requests
from routelab.logs.texts import TextsInMemory
from routelab.policies import Cascade, Fixed, Mixture, Policy

MODELS = ("small", "middle", "large", "expert")
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
NEEDS = ((), ("tools",), ("tools", "vision"), ("telepathy",))

_PAIR = Cascade(models=("small", "large"), thresholds=(0.5,), signal="sure")
_CHAIN = Cascade(models=("small", "middle", "large"), thresholds=(0.75, 0.25), signal="agreement")


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
    }


def awkward(n: int, seed: int, *, broken: float = 0.2, unseen: float = 0.0) -> Log:
    """A log with ties, missing and failed calls, and signals that cost extra in both ways.

    Args:
        broken: share of calls that failed, of signals and latencies that are missing.
        unseen: share of outcomes that the log does not hold.
    """
    rng = np.random.default_rng(seed)
    models = tuple(rng.permutation(np.array(MODELS, dtype=object)))
    shape = (n, len(models))

    def holes(values: np.ndarray, share: float) -> np.ndarray:
        return np.asfortranarray(np.where(rng.random(shape) < share, np.nan, values))

    error = rng.random(shape) < broken
    seen = rng.random(shape) >= unseen
    return Log(
        requests=Requests(
            id=np.array([f"r{seed}-{row}" for row in range(n)], dtype=object),
            needs=_objects([NEEDS[i] for i in rng.choice(4, n, p=(0.5, 0.3, 0.15, 0.05))]),
        ),
        models=models,
        quality=np.where(seen, np.where(error, 0.0, rng.choice(GRID, shape)), np.nan),
        cost_usd=np.where(seen, rng.lognormal(size=shape) / 977.0, np.nan),
        latency_s=holes(rng.lognormal(size=shape), broken / 2),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=np.full(shape, np.nan),
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
        texts=TextsInMemory([f"question {row}" for row in range(n)]),
    )


def _objects(values: list) -> np.ndarray:
    """An array of tuples, which numpy would otherwise unpack."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
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
