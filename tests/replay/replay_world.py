"""Small logs of requests that can be counted by hand, and comparison sets of them."""

from __future__ import annotations

import numpy as np

from routelab.core.catalogue.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model.log import Log, Requests
from routelab.logs.model.splits import split
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, SplitRecord
from routelab.replay import comparison_set

MODELS = ("small", "middle", "large")
CASCADE = Cascade(models=MODELS, thresholds=(0.5, 0.4), signal="sure")
SPECS = {"sure": SignalSpec(multiplier=3.0)}


def objects(values):
    return np.array(list(values), dtype=object)


def logged(n, *, seed=0, task=False, prompts=True, times=False, **changes):
    """Three models of rising quality and cost on n requests, and one signal that knows a little."""
    rng = np.random.default_rng(seed)
    shape = (n, 3)
    hard = rng.random((n, 1))
    quality = (rng.random(shape) * 1.5 - 0.4 * hard < (0.5, 0.7, 0.9)).astype(float)
    requests = Requests(
        id=objects(f"r{seed}-{row}" for row in range(n)),
        task=objects("maths" if h > 0.6 else "chat" for h in hard[:, 0]) if task else None,
        timestamp_s=np.sort(rng.random(n)) * 1000.0 if times else None,
    )
    fields = {
        "requests": requests,
        "models": MODELS,
        "quality": quality,
        "cost_usd": rng.lognormal(0, 0.4, shape) * (1e-4, 5e-4, 4e-3),
        "latency_s": rng.lognormal(size=shape),
        "prompt_tokens": np.full(shape, np.nan),
        "completion_tokens": np.full(shape, np.nan),
        "error": np.zeros(shape, dtype=bool),
        "signals": {"sure": np.clip(0.3 * quality + 0.7 * rng.random(shape), 0, 1)},
        "specs": SPECS,
    }
    if prompts:
        lengths = rng.permutation(np.arange(1, n + 1))
        fields["texts"] = TextsInMemory(
            [f"{row} " + "x" * length for row, length in enumerate(lengths)]
        )
    return Log(**{**fields, **changes})


def whole(log, candidates=MODELS, **options):
    """The comparison set of all rows of a log."""
    cut = split(log, need_all_parts=False)
    return comparison_set(log, cut, "all", candidates, catalogue=Catalogue(), seed=0, **options)


def tuned_on(log, policy=CASCADE, **changes):
    """What a study of this log would have recorded."""
    cut = split(log, seed=changes.pop("split_seed", 0), group=changes.pop("group", None))
    record = SplitRecord(
        cut.rule, cut.seed, cut.group, cut.cuts_s, cut.sha256(), cut.n, cut.dropped
    )
    fields = {
        "name": "tuned",
        "policy": to_wire(policy),
        "candidates": MODELS,
        "catalogue": Catalogue(),
        "signals": SPECS,
        "split": record,
    }
    return Document(**{**fields, **changes})
