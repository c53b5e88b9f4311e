"""The spread of a study's results over seeds."""

from __future__ import annotations

import msgspec


class SeedRun(msgspec.Struct, frozen=True):
    """The study under one seed, on its own test part; figures are NaN where nothing met a bound.

    Attributes:
        seed: of splits, search, resamples and draws.
        verdict: its word; None where there is no policy.
        gain, gain_ci: quality over the zero router, with its 95 % interval.
        quality: in [0, 1].
        usd_per_1k: USD per 1,000 requests.
        models: that the exported policy may call, in its order.
        certified: whether its certificate holds; None if none was asked for.
        problem: why there is no policy.
    """

    seed: int
    verdict: str | None
    gain: float
    gain_ci: tuple[float, float]
    quality: float
    usd_per_1k: float
    models: tuple[str, ...]
    certified: bool | None = None
    problem: str | None = None


class SeedRange(msgspec.Struct, frozen=True):
    """The range of a figure over seeds.

    Attributes:
        least, median, most: over the seeds that have a policy.
        deviation: standard deviation of a sample; 0 of a single seed.
    """

    least: float
    median: float
    most: float
    deviation: float


class SeedSpread(msgspec.Struct, frozen=True):
    """A study under several seeds; the exported policy is that of the first.

    Attributes:
        runs: one for each seed.
        same_split: the cut follows time, so only the search, the draws and the resamples differ.
        verdicts, chains: how often each came up.
        gain, quality, usd_per_1k: over the seeds that have a policy.
    """

    same_split: bool
    runs: tuple[SeedRun, ...]
    verdicts: dict[str, int]
    chains: dict[str, int]
    gain: SeedRange
    quality: SeedRange
    usd_per_1k: SeedRange
