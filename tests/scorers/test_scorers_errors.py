"""Everything that can be wrong with a policy's scorers is refused on loading, by name."""

from __future__ import annotations

import copy
import hashlib
import json

import numpy as np
import pytest
from portable_world import FEATURES, MODELS, TENSORS, WIRES

from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import PolicyFileError
from routelab.policies import Fixed
from routelab.policies import to_wire as policy_to_wire
from routelab.policy_file import Document, write
from routelab.policy_file import load as load_policy
from routelab.scorers import load_scorers


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def trees(name, index, value):
    key = f"tree_quality.{name}"
    return {key: changed(TENSORS[key], index, value)}


TENSOR_DAMAGE = {
    "missing": ({"quality.bias": None}, r"scorers\.quality: no tensor 'quality\.bias'; there are"),
    "shape": (
        {"quality.bias": np.zeros(3)},
        r"scorers\.quality: tensor 'quality\.bias' has shape \(3,\); it must be \(2,\)",
    ),
    "other features": (
        {"quality.weights": np.zeros((9, 2))},
        r"'quality\.weights' has shape \(9, 2\); it must be",
    ),
    "type": ({"quality.bias": np.zeros(2, np.float32)}, "is float32; it must be float64"),
    "nan": ({"quality.bias": np.array([0.0, np.nan])}, "'quality.bias' holds NaN or infinity"),
    "infinite": ({"by_task.table": np.full((3, 2), np.inf)}, r"scorers\.by_task: .* infinity"),
    "feature tensor": ({"words.idf": np.ones(255)}, r"features\.words: tensor 'words\.idf'"),
    "cycle": (trees("left", 1, 0), "child does not come after its parent"),
    "self": (trees("right", 0, 0), "child does not come after its parent"),
    "half a leaf": (trees("right", 0, -1), "child does not come after its parent"),
    "beyond": (trees("left", 0, 10**6), "a child is beyond the last of 150 nodes"),
    "feature": (trees("feature", 0, 99), r"a feature is outside \[0, 27\)"),
    "negative feature": (trees("feature", 0, -1), r"a feature is outside \[0, 27\)"),
    "root": (trees("roots", 0, 150), r"a root is outside \[0, 150\)"),
    "output": (trees("output", 0, 2), r"an output is outside \[0, 2\)"),
    "threshold": (trees("threshold", 0, np.inf), "'tree_quality.threshold' holds NaN or inf"),
    "lengths": ({"tree_quality.value": np.zeros(3)}, "differ in length"),
    "off the grid": (
        {"alike.points": changed(TENSORS["alike.points"], (0, 0), -32768)},
        "a point is outside the grid",
    ),
    "targets": ({"alike.targets": np.zeros((3, 2))}, "40 points have 3 targets"),
}


@pytest.mark.parametrize("name", TENSOR_DAMAGE)
def test_damaged_tensors_are_refused(name):
    damage, problem = TENSOR_DAMAGE[name]
    tensors = {key: it for key, it in {**TENSORS, **damage}.items() if it is not None}
    with pytest.raises(PolicyFileError, match=problem):
        load_scorers(FEATURES, WIRES, tensors)


WIRE_DAMAGE = {
    "kind": (("quality", {"kind": "oracle"}), r"scorers\.quality: .*oracle"),
    "field": (("quality", {"depth": 3}), r"scorers\.quality: .*depth"),
    "target": (("quality", {"target": "mood"}), "mood"),
    "feature": (
        ("quality", {"features": ["words", "mood"]}),
        "no feature 'mood'; there are: words",
    ),
    "model": (("quality", {"outputs": ["small", "gpt-9"]}), "fitted for model 'gpt-9'"),
    "twice": (("quality", {"outputs": ["small", "small"]}), "each once"),
    "nothing": (("quality", {"outputs": []}), "at least one"),
    "calibrators": (("quality", {"calibrators": [None]}), "2 outputs need as many calibrators"),
    "platt": (
        ("quality", {"calibrators": [{"kind": "platt", "a": 1e999, "b": 0}, None]}),
        "every number must be finite",
    ),
    "isotonic": (
        ("quality", {"calibrators": [{"kind": "isotonic", "x": [1, 0], "y": [0, 1]}, None]}),
        "x must ascend strictly",
    ),
    "knots": (
        ("quality", {"calibrators": [{"kind": "isotonic", "x": [], "y": []}, None]}),
        "at least one",
    ),
    "temperature": (
        ("quality", {"calibrators": [{"kind": "temperature", "t": 0.0}, None]}),
        "temperature is 0.0; it must be positive",
    ),
    "k": (("alike", {"k": 41}), r"k is 41; it must lie in \[1, 40\]"),
    "keys": (("by_task", {"keys": ["maths", "maths"]}), "one is there twice"),
    "table features": (("by_task", {"features": ["words"]}), "reads no features"),
    "part": (("nested", {"parts": ["alike", "mood"]}), "no scorer 'mood'"),
    "weights": (("nested", {"weights": [1.0]}), "2 scorers has 1 weights"),
    "outputs of parts": (("nested", {"parts": ["alike", "stumps"]}), "those of 'stumps' are score"),
    "circle": (
        ("nested", {"parts": ["alike", "blend"]}),
        "ask each other in a circle: blend, nested",
    ),
    "blend features": (("nested", {"features": ["words"]}), "leave them to its parts"),
}


@pytest.mark.parametrize("name", WIRE_DAMAGE)
def test_descriptions_that_do_not_hang_together_are_refused(name):
    (scorer, change), problem = WIRE_DAMAGE[name]
    wires = {**WIRES, scorer: {**WIRES[scorer], **change}}
    with pytest.raises(PolicyFileError, match=problem):
        load_scorers(FEATURES, wires, TENSORS, models=MODELS)


def test_all_problems_are_told_at_once():
    wires = copy.deepcopy(WIRES)
    wires["quality"]["features"] = ["mood"]
    wires["nested"]["parts"] = ["alike", "gone"]
    with pytest.raises(PolicyFileError) as caught:
        load_scorers(FEATURES, wires, TENSORS, models=("small",))
    told = "\n".join(caught.value.problems)
    for problem in ("'mood'", "'gone'", "features.answer: was fitted for model 'large'"):
        assert problem in told


def document(**changes):
    fields = {
        "name": "scored",
        "policy": policy_to_wire(Fixed("small")),
        "candidates": MODELS,
        "catalogue": Catalogue(),
        "features": FEATURES,
        "scorers": WIRES,
    }
    return Document(**{**fields, **changes})


def test_writing_refuses_before_it_replaces_anything(tmp_path):
    path = tmp_path / "scored.policy"
    write(path, document(), "# scored\n", TENSORS)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(PolicyFileError, match=r"words\.idf"):
        write(path, document(), "# scored\n", {})
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


def test_loading_names_the_directory(tmp_path):
    path = tmp_path / "scored.policy"
    write(path, document(), "# scored\n", TENSORS)
    content = json.loads((path / "policy.json").read_text())
    content["scorers"]["alike"]["k"] = 1000
    (path / "policy.json").write_text(json.dumps(content))
    with pytest.raises(PolicyFileError, match=r"scored\.policy: scorers\.alike: .*k is 1000"):
        load_policy(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b'{"quality.bias":{"dtype":"F64","shape":[2],"data_offsets":[0,99999999]}}',
        b'{"quality.bias":{"dtype":"F64","shape":[-2],"data_offsets":[0,16]}}',
        b"not json",
        b"",
    ],
)
def test_a_tampered_header_of_the_tensors_is_refused(tmp_path, header):
    path = tampered(tmp_path, lambda _: header)
    with pytest.raises(PolicyFileError, match=r"scored\.policy"):
        load_policy(path)


@pytest.mark.parametrize("kind", ["F8_E5M2", "F8_E4M3"])
def test_a_tensor_of_a_type_that_numpy_has_not_is_refused(tmp_path, kind):
    path = tampered(tmp_path, lambda header: header.replace(b'"U8"', f'"{kind}"'.encode()))
    told = rf"scored\.policy: weights\.safetensors: tensor .* is of type '{kind}'"
    with pytest.raises(PolicyFileError, match=told):
        load_policy(path)


def tampered(folder, change):
    """A policy whose tensors have another header, under a right hash."""
    path = folder / "scored.policy"
    write(path, document(), "# scored\n", TENSORS)
    weights = path / "weights.safetensors"
    whole = weights.read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    header = change(whole[8:end])
    assert header != whole[8:end]
    weights.write_bytes(len(header).to_bytes(8, "little") + header + whole[end:])
    content = json.loads((path / "policy.json").read_text())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    content["files"]["weights.safetensors"] = digest
    (path / "policy.json").write_text(json.dumps(content))
    return path
