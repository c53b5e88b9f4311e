"""What an estimator says: a value, how sure it is, and what speaks against it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Ends: TypeAlias = tuple[float, float]
"""Both ends of an interval, in units of its figure."""


class ModelWeight(msgspec.Struct, frozen=True):
    """Whether the log called a model as often as its propensities say that it should have.

    Attributes:
        model: its name.
        share: of the policy's calls that ask it.
        weighted: the same share, by the weights of the calls that were logged.
        p_value: two-sided, of no difference but chance.
    """

    model: str
    share: float
    weighted: float
    p_value: float


class Calibration(msgspec.Struct, frozen=True):
    """How the outcome model's predictions compare with outcomes that they did not learn from.

    Attributes:
        error: mean of outcome less prediction, over the policy's decisions.
        error_ci: 95 %.
        slope: of outcomes on predictions; 1 where they are calibrated, NaN where they hardly
            differ.
        explained: share of the outcomes' variance that predictions take away; may be negative.
    """

    error: float
    error_ci: Ends
    slope: float
    explained: float


class Diagnostics(msgspec.Struct, frozen=True):
    """What an estimate rests on.

    Attributes:
        effective_requests: requests of equal weight that would say as much: the squared sum of
            the weights over the sum of their squares.
        matched: requests that have a weight at all.
        largest_weight: of a request; its policy's decision stands for so many.
        largest_share: of the sum of all weights.
        supported: share of the policy's decisions that the log could have taken, as far as it
            says.
        mean_weight: 1 but for chance, if propensities are right and all decisions have support.
        mean_weight_ci: 95 %.
        models: the same by model.
        calibration: of the outcome model; None without one.
    """

    effective_requests: float
    matched: int
    largest_weight: float
    largest_share: float
    supported: float
    mean_weight: float
    mean_weight_ci: Ends
    models: tuple[ModelWeight, ...]
    calibration: Calibration | None = None


class PolicyEstimate(msgspec.Struct, frozen=True):
    """What a policy is worth, from a log of another one's decisions.

    Attributes:
        estimator: its name.
        outcome: that was valued.
        value: mean over requests; None where the estimate is refused.
        ci: 95 % interval, asymptotic; None where there is none to be had.
        certified: interval that holds at any number of requests with the probability asked for;
            None where it was not asked for or cannot be had.
        logged: the logging policy's own mean on the same requests; None where it is not known.
        difference: value less that.
        difference_ci: 95 %, paired request by request.
        requests, groups: that it rests on.
        refusal: why no value is given, and what would mend it; "" where there is one.
        notes: what to know before believing it.
        diagnostics: of weights and outcome model.
    """

    estimator: str
    outcome: str
    value: float | None
    ci: Ends | None
    certified: Ends | None
    logged: float | None
    difference: float | None
    difference_ci: Ends | None
    requests: int
    groups: int
    refusal: str
    notes: tuple[str, ...]
    diagnostics: Diagnostics
