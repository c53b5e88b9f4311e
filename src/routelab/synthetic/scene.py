"""The invented world: its tasks, its models, and when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from routelab.core.catalogue import Catalogue, Deployment, Model

Period: TypeAlias = Literal["before", "after"]
"""Before or after the drift."""

START_S = 1_767_225_600.0
"""The first day begins: 1 January 2026, 00:00 UTC."""

DAYS = 30
DRIFT_AT = 0.9
"""Share of the period, and of the requests, after which the world is another."""

HOURLY = (2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 11, 9, 10, 11, 11, 10, 8, 6, 5, 4, 4, 3, 2)
"""Traffic by hour of the day, the same every day."""

TENANTS = {"shop": 0.5, "desk": 0.3, "labs": 0.2}
PRIORITIES = {"normal": 0.7, "low": 0.2, "high": 0.1}
REPEATS = 0.03
"""Share of requests whose prompt was seen before."""

SPREAD = 1.5
"""Standard deviation of difficulty within a task, in units of ability."""

STEEPNESS = 1.7
"""How fast a model goes from right to wrong as difficulty passes its ability."""


class SyntheticTask(NamedTuple):
    """What one kind of request is like.

    Attributes:
        before, after: share of the requests in each period.
        hardness: mean difficulty.
        prompt_words, answer_words: medians.
        graded: quality comes in tenths, else it is right or wrong.
    """

    before: float
    after: float
    hardness: float
    prompt_words: float
    answer_words: float
    graded: bool = False


TASKS: Mapping[str, SyntheticTask] = MappingProxyType(
    {
        "chat": SyntheticTask(0.28, 0.18, -0.5, 45, 45),
        "extraction": SyntheticTask(0.18, 0.12, -0.7, 110, 24),
        "maths": SyntheticTask(0.16, 0.25, 1.1, 50, 50),
        "code": SyntheticTask(0.16, 0.17, 0.6, 75, 60),
        "law": SyntheticTask(0.10, 0.18, 1.0, 130, 60),
        "translation": SyntheticTask(0.12, 0.10, -0.2, 60, 50, graded=True),
    }
)
"""The invented kinds of request."""


class ModelTraits(NamedTuple):
    """What one model is like.

    Attributes:
        ability: compared with difficulty.
        ability_at: another ability on some tasks.
        input_usd_per_mtok, output_usd_per_mtok: list prices per million tokens.
        wordiness: length of its answers relative to the task's.
        first_token_s, token_s: seconds to the first token, and for each one after it.
        boast: added to the logit of its confidence.
        boast_after, blur_after: after the drift: added on top, and the share of what
            confidence knows about the answer that is lost.
        failures: share of calls that fail.
        context_window: in tokens.
        reports_cost: responses carry `usage.cost`.
    """

    ability: float
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    wordiness: float
    first_token_s: float
    token_s: float
    context_window: int
    reports_cost: bool
    boast: float = 0.0
    boast_after: float = 0.0
    blur_after: float = 0.0
    failures: float = 0.0
    ability_at: Mapping[str, float] = MappingProxyType({})


MODELS: Mapping[str, ModelTraits] = MappingProxyType(
    {
        "small-8b": ModelTraits(
            ability=0.9,
            input_usd_per_mtok=0.1,
            output_usd_per_mtok=0.2,
            wordiness=0.85,
            first_token_s=0.12,
            token_s=0.006,
            context_window=32_768,
            reports_cost=False,
            boast=0.5,
            boast_after=1.1,
            blur_after=0.65,
            failures=0.003,
        ),
        "medium-70b": ModelTraits(
            ability=1.35,
            input_usd_per_mtok=0.5,
            output_usd_per_mtok=1.0,
            wordiness=1.0,
            first_token_s=0.25,
            token_s=0.014,
            context_window=131_072,
            reports_cost=False,
            boast=0.3,
            boast_after=0.9,
            blur_after=0.65,
        ),
        "code-expert": ModelTraits(
            ability=0.8,
            ability_at=MappingProxyType({"code": 3.1}),
            input_usd_per_mtok=1.0,
            output_usd_per_mtok=3.0,
            wordiness=1.0,
            first_token_s=0.3,
            token_s=0.012,
            context_window=65_536,
            reports_cost=True,
            boast=0.2,
        ),
        "large": ModelTraits(
            ability=1.8,
            input_usd_per_mtok=3.0,
            output_usd_per_mtok=12.0,
            wordiness=1.1,
            first_token_s=0.4,
            token_s=0.02,
            context_window=131_072,
            reports_cost=True,
        ),
        "frontier": ModelTraits(
            ability=3.6,
            input_usd_per_mtok=10.0,
            output_usd_per_mtok=40.0,
            wordiness=1.25,
            first_token_s=0.7,
            token_s=0.028,
            context_window=262_144,
            reports_cost=True,
            boast=-0.2,
        ),
    }
)
"""The invented models, cheapest first."""

PROVIDERS = {"north": "http://127.0.0.1:8801/v1", "south": "http://127.0.0.1:8802/v1"}


def catalogue() -> Catalogue:
    """Every model with its list prices, served by two providers."""
    return Catalogue({name: _listed(name, traits) for name, traits in MODELS.items()})


def _listed(name: str, traits: ModelTraits) -> Model:
    return Model(
        input_usd_per_mtok=traits.input_usd_per_mtok,
        output_usd_per_mtok=traits.output_usd_per_mtok,
        capabilities=("json",) if name == "small-8b" else ("json", "tools"),
        context_window=traits.context_window,
        cost_reported=traits.reports_cost,
        deployments=tuple(
            Deployment(base_url=url, model=name, provider=provider)
            for provider, url in PROVIDERS.items()
        ),
    )
