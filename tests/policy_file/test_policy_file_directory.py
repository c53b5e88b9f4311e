"""A policy directory is written as told, loaded as written, and refused when changed."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from directory_world import CASCADE, FILES, TENSORS, contents, document, edit, forge, make

from routelab.errors import PolicyError, PolicyFileError
from routelab.policies import Fixed, Mixture
from routelab.policy_file import check_target, load, write

POLICIES = {
    "cascade": CASCADE,
    "fixed": Fixed(model="large"),
    "mixture": Mixture(first=CASCADE, second=Fixed(model="small"), weight=0.25),
}


@pytest.mark.parametrize("kind", POLICIES)
def test_what_was_written_is_loaded(tmp_path, kind):
    policy = POLICIES[kind]
    written = make(tmp_path / "a.policy", policy)
    loaded = load(tmp_path / "a.policy")
    assert loaded.policy == policy
    assert unhashed(loaded.document) == unhashed(document(policy))
    assert set(loaded.document.files) == set(FILES)
    assert loaded.digest == written.digest
    assert loaded.golden == written.golden
    assert loaded.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert loaded.tensors[name].dtype == tensor.dtype
        assert np.array_equal(loaded.tensors[name], tensor)
    assert {file.name for file in (tmp_path / "a.policy").iterdir()} == set(FILES)
    assert "example" in (tmp_path / "a.policy/card.md").read_text()


def unhashed(it):
    return msgspec.json.encode(msgspec.structs.replace(it, files={}))


def test_the_same_policy_is_the_same_bytes(tmp_path):
    make(tmp_path / "one.policy")
    make(tmp_path / "two.policy")
    assert contents(tmp_path / "one.policy") == contents(tmp_path / "two.policy")
    make(tmp_path / "two.policy")
    assert contents(tmp_path / "one.policy") == contents(tmp_path / "two.policy")


def test_the_digest_tells_policies_apart(tmp_path):
    one = make(tmp_path / "one.policy")
    other = make(tmp_path / "two.policy", tensors={"w": TENSORS["w"] + 1})
    assert one.digest != other.digest


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["changed", "cut", "emptied", "missing"])
def test_every_harmed_file_is_named(tmp_path, name, harm):
    path = tmp_path / "a.policy"
    make(path)
    content = (path / name).read_bytes()
    if harm == "missing":
        (path / name).unlink()
    else:
        changed = {"changed": content[:-1] + b"\xff", "cut": content[:-10], "emptied": b""}
        (path / name).write_bytes(changed[harm])
    with pytest.raises(PolicyFileError, match=name):
        load(path)


def test_all_harmed_files_are_named_at_once(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    for name in FILES[1:]:
        (path / name).write_bytes(b"other")
    with pytest.raises(PolicyFileError) as caught:
        load(path)
    assert len(caught.value.problems) == 3


def test_a_file_without_a_hash_is_not_trusted(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    edit(path, lambda policy: policy["files"].pop("golden.jsonl"))
    with pytest.raises(PolicyFileError, match=r"no SHA-256 for golden\.jsonl"):
        load(path)


@pytest.mark.parametrize("outside", ["../other.json", "/etc/hostname", "sub/x", "..", "more.bin"])
def test_only_the_files_of_a_policy_are_read(tmp_path, outside):
    path = tmp_path / "a.policy"
    make(path)
    edit(path, lambda policy: policy["files"].__setitem__(outside, "0" * 64))
    with pytest.raises(PolicyFileError, match="which no policy has") as caught:
        load(path)
    assert repr(outside) in str(caught.value)


@pytest.mark.parametrize("missing", ["nowhere.policy", "plain.txt", "empty"])
def test_what_is_no_policy_directory_is_told(tmp_path, missing):
    (tmp_path / "plain.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PolicyFileError, match=missing):
        load(tmp_path / missing)


EDITS = {
    "an unknown field": (lambda p: p.update(colour="blue"), "colour"),
    "an unknown field inside": (lambda p: p["policy"].update(colour="blue"), "colour"),
    "a newer schema": (lambda p: p.update(schema="routelab.policy/2", x=1), "upgrade routelab"),
    "no schema": (lambda p: p.pop("schema"), "schema"),
    "a lacking field": (lambda p: p.pop("candidates"), "candidates"),
    "a wrong type": (lambda p: p.update(seed="seven"), "seed"),
    "an unknown kind": (lambda p: p["policy"].update(kind="guess"), "guess"),
    "a threshold too many": (lambda p: p["policy"]["thresholds"].append(0.5), "got 3"),
    "a model that is no candidate": (lambda p: p["candidates"].remove("middle"), "'middle'"),
    "a signal without a description": (lambda p: p["signals"].clear(), "'sure'"),
    "a multiplier below 1": (
        lambda p: p["signals"]["sure"].update(multiplier=0.5),
        "signal 'sure': multiplier is 0.5",
    ),
    "a negative price": (
        lambda p: p["catalogue"]["models"]["middle"].update(input_usd_per_mtok=-1.0),
        "model 'middle' of the catalogue: input_usd_per_mtok is -1.0",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_policy_is_refused_with_what_and_where(tmp_path, what):
    path = tmp_path / "a.policy"
    make(path)
    change, told = EDITS[what]
    edit(path, change)
    with pytest.raises(PolicyFileError, match=told) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("depth", [60, 900, 50_000])
def test_policies_nested_without_end_are_refused(tmp_path, depth):
    path = tmp_path / "a.policy"
    make(path)
    edit(path, lambda policy: policy.update(policy="inside"))
    layers = '{"kind": "explore", "epsilon": 0.1, "policy": ' * depth
    nested = f'{layers}{{"kind": "fixed", "model": "small"}}{"}" * depth}'
    main = path / "policy.json"
    main.write_text(main.read_text().replace('"inside"', nested))
    with pytest.raises(
        PolicyFileError, match=r"a\.policy.* lie more than (50|300) deep in one ano"
    ):
        load(path)


def test_a_newer_schema_is_told_by_both_names(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    edit(path, lambda policy: policy.update(schema="routelab.policy/2"))
    with pytest.raises(PolicyFileError, match=r"'routelab\.policy/2'.*'routelab\.policy/1'"):
        load(path)


@pytest.mark.parametrize("name", ["weights.safetensors", "golden.jsonl"])
def test_a_malformed_file_with_a_right_hash_is_refused(tmp_path, name):
    path = tmp_path / "a.policy"
    make(path)
    forge(path, name, b'{"id": 3}\n')
    with pytest.raises(PolicyFileError, match=r"a\.policy"):
        load(path)


def test_a_document_that_does_not_hang_together_is_not_written(tmp_path):
    path = tmp_path / "a.policy"
    with pytest.raises(PolicyError) as caught:
        write(path, document(candidates=("small",), signals={}), "# card\n")
    assert len(caught.value.problems) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("held", [("notes.txt",), ("policy.json", "notes.txt"), None])
def test_other_peoples_files_are_not_replaced(tmp_path, held):
    path = tmp_path / "a.policy"
    if held is None:
        path.write_text("a file")
    for name in held or ():
        path.mkdir(exist_ok=True)
        (path / name).write_text("mine")
    before = path.read_text() if held is None else contents(path)
    for refuse in (check_target, make):
        with pytest.raises(PolicyFileError, match=r"a\.policy.*choose another name"):
            refuse(path)
    assert before == (path.read_text() if held is None else contents(path))


def test_nothing_an_empty_directory_and_an_old_policy_may_be_replaced(tmp_path):
    path = tmp_path / "deep" / "a.policy"
    check_target(path)
    path.mkdir(parents=True)
    check_target(path)
    make(path)
    check_target(path)
    make(path, Fixed(model="small"))
    assert load(path).policy == Fixed(model="small")


AUDITED = """
import sys
watched = []
sys.addaudithook(lambda event, args: watched.append((event, args)))
from routelab.policy_file import load  # everything is imported before the watch begins
load(sys.argv[1])
del watched[:]
load(sys.argv[1])
CODE = ("exec", "compile", "import", "marshal.", "pickle.", "subprocess.", "os.system", "ctypes.")
ran = [event for event, _ in watched if event.startswith(CODE)]
opened = sorted(str(args[0]).rpartition("/")[2] for event, args in watched if event == "open")
print(ran, opened)
"""


def test_loading_runs_no_code_and_opens_only_its_own_files(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    watched = subprocess.run(
        [sys.executable, "-c", AUDITED, path], capture_output=True, text=True, check=True
    )
    assert watched.stdout.strip() == f"[] {sorted(FILES)}"


def test_policy_json_holds_neither_time_nor_place(tmp_path):
    make(tmp_path / "a.policy")
    assert str(tmp_path) not in (tmp_path / "a.policy/policy.json").read_text()
    assert json.loads((tmp_path / "a.policy/policy.json").read_text())["schema"].endswith("/1")
