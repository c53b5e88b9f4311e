"""Policy directories made on the spot, and edits to them."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.signal_spec import SignalSpec
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, SplitRecord, write
from routelab.policy_file.card import policy_card

FILES = ("policy.json", "weights.safetensors", "golden.jsonl", "card.md")
CASCADE = Cascade(models=("small", "middle", "large"), thresholds=(0.625, 0.3), signal="sure")
TENSORS = {"w": np.arange(6, dtype=np.float64).reshape(2, 3), "b": np.array([1], dtype=np.int32)}


def document(policy=CASCADE, **changes):
    models = policy.models_used
    fields = {
        "name": "example",
        "policy": to_wire(policy),
        "candidates": models,
        "catalogue": Catalogue(
            {
                name: Model(
                    input_usd_per_mtok=0.1,
                    output_usd_per_mtok=0.4,
                    deployments=(Deployment("http://127.0.0.1:1/v1", name, "north"),),
                )
                for name in models
            }
        ),
        "signals": {name: SignalSpec(multiplier=3.0) for name in policy.signals_used},
        "seed": 7,
        "split": SplitRecord(
            rule="time",
            seed=7,
            group="prompt",
            cuts_s=(1.5, 2.5, 3.5),
            sha256=dict.fromkeys(("train", "tune", "calibrate", "test"), "0" * 64),
            n={"train": 5, "tune": 2, "calibrate": 1, "test": 2},
            dropped=1,
        ),
        "provenance": {"log": "sample.parquet"},
    }
    return Document(**{**fields, **changes})


def make(path, policy=CASCADE, tensors=TENSORS, **changes):
    it = document(policy, **changes)
    return write(path, it, policy_card(it), tensors)


def edit(path, change):
    """Change the decoded `policy.json` in place."""
    content = json.loads((path / "policy.json").read_text())
    change(content)
    (path / "policy.json").write_text(json.dumps(content))


def forge(path, name, content):
    """Replace a file and make its hash right again."""
    (path / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    edit(path, lambda policy: policy["files"].__setitem__(name, digest))


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}
