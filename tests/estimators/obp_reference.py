"""Values of Open Bandit Pipeline on a world of its kind, for `test_estimators_obp.py`.

Its last release, 0.5.7, asks for a Python below 3.11 and for PyTorch; its estimators of discrete
choices need neither. So:

    pip install --target FOLDER --no-deps --ignore-requires-python obp==0.5.7
    python tests/estimators/obp_reference.py FOLDER > tests/estimators/obp_values.json
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from typing import Any

import numpy as np

CUT, STRENGTH = 2.0, 3.0
"""Settings of Switch-DR and of DR with optimistic shrinkage."""


def world(seed: int, n: int = 10_000, m: int = 4) -> dict[str, Any]:
    """Rounds of a contextual bandit with a known logging policy, a target and rough predictions."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    liking = np.stack([x, 1 - x, np.full(n, 0.3), 2 * x * (1 - x)], axis=1)[:, :m]
    logging = np.exp(2 * liking)
    logging /= logging.sum(axis=1, keepdims=True)
    action = (rng.random(n)[:, None] > np.cumsum(logging, axis=1)).sum(axis=1)
    truth = np.clip(0.2 + 0.6 * liking, 0, 1)
    reward = (rng.random(n) < truth[np.arange(n), action]).astype(float)
    target = np.exp(-3 * liking)
    target /= target.sum(axis=1, keepdims=True)
    guess = np.clip(truth + 0.1 * np.sin(7 * x)[:, None], 0, 1)
    chance = logging[np.arange(n), action]
    return {
        "action": action, "reward": reward, "chance": chance, "target": target, "guess": guess,
    }  # fmt: skip


def _estimators(folder: str) -> Any:
    """The module of estimators, without the packages around it, which import PyTorch."""
    torch: Any = types.ModuleType("torch")
    torch.Tensor = torch.tensor = type("Tensor", (), {})
    sys.modules["torch"] = torch
    for name in ("obp", "obp.ope"):
        package: Any = types.ModuleType(name)
        package.__path__ = [f"{folder}/{name.replace('.', '/')}"]
        sys.modules[name] = package
    return importlib.import_module("obp.ope.estimators")


def _values(folder: str, seed: int) -> dict[str, float]:
    obp, made = _estimators(folder), world(seed)
    kinds = {
        "dm": obp.DirectMethod(),
        "ips": obp.InverseProbabilityWeighting(),
        "snips": obp.SelfNormalizedInverseProbabilityWeighting(),
        "dr": obp.DoublyRobust(),
        "sndr": obp.SelfNormalizedDoublyRobust(),
        "switch-dr": obp.SwitchDoublyRobust(lambda_=CUT),
        "shrunk-dr": obp.DoublyRobustWithShrinkage(lambda_=STRENGTH),
    }
    return {
        name: float(
            kind.estimate_policy_value(
                reward=made["reward"],
                action=made["action"],
                pscore=made["chance"],
                action_dist=made["target"][:, :, None],
                estimated_rewards_by_reg_model=made["guess"][:, :, None],
                position=np.zeros(len(made["reward"]), dtype=int),
            )
        )
        for name, kind in kinds.items()
    }


if __name__ == "__main__":
    found = {str(seed): _values(sys.argv[1], seed) for seed in range(3)}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
