"""A directory is replaced at once: readers see the old or the new one, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from directory_world import CASCADE, contents, make

from routelab.errors import PolicyFileError
from routelab.policies import Fixed
from routelab.policy_file import atomic, load

OTHER = Fixed(model="large")


@pytest.fixture(params=["exchange", "move away"])
def way(request, monkeypatch):
    """Both ways to replace a directory, whatever this system can do."""
    if request.param == "move away":
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    return request.param


def test_what_replaces_a_policy_is_all_of_the_new_one(tmp_path, way):
    make(tmp_path / "fresh.policy", OTHER, {})
    make(tmp_path / "a.policy")
    make(tmp_path / "a.policy", OTHER, {})
    assert contents(tmp_path / "a.policy") == contents(tmp_path / "fresh.policy")
    assert {file.name for file in tmp_path.iterdir()} == {"a.policy", "fresh.policy"}


@pytest.fixture
def exchanging(tmp_path):
    """Skips where two directories cannot be exchanged in one step."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    able = atomic._exchange(tmp_path / "one", tmp_path / "other")
    for name in ("one", "other"):
        (tmp_path / name).rmdir()
    if not able:
        pytest.skip("this file system cannot exchange directories")


@pytest.mark.usefixtures("exchanging")
def test_the_place_of_a_policy_is_never_empty(tmp_path, monkeypatch):
    path, moved = tmp_path / "a.policy", []
    make(path)
    rename = type(path).rename
    monkeypatch.setattr(
        type(path), "rename", lambda source, to: moved.append(source) or rename(source, to)
    )
    make(path, OTHER)
    assert load(path).policy == OTHER
    assert moved == []


@pytest.mark.usefixtures("exchanging")
def test_a_reader_never_sees_a_mixture(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    started, done, seen = threading.Event(), threading.Event(), []

    def read():
        while not done.is_set():
            try:
                loaded = load(path)
                seen.append((loaded.policy, bool(loaded.tensors), loaded.verify()))
            except Exception as error:  # noqa: BLE001  (any failure of a reader is the finding)
                seen.append(error)
            started.set()

    reader = threading.Thread(target=read)
    reader.start()
    started.wait()
    try:
        for turn in range(50):
            make(path, *[(OTHER, {}), (CASCADE,)][turn % 2])
    finally:
        done.set()
        reader.join()
    whole = [(CASCADE, True, []), (OTHER, False, [])]
    assert [one for one in seen if one not in whole] == []
    assert all(one in seen for one in whole)


def test_a_crash_before_the_exchange_leaves_the_old_policy_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.policy"
    make(path)
    before = contents(path)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic, "_put", crash)
    with pytest.raises(KeyboardInterrupt):
        make(path, OTHER)
    assert contents(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_policy_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.policy"
    make(path)
    before, synced = contents(path), []

    def full(descriptor):
        synced.append(descriptor)
        if len(synced) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PolicyFileError, match=r"a\.policy: cannot be written \(No space left"):
        make(path, OTHER)
    assert contents(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_where_directories_cannot_be_exchanged_a_failed_move_is_undone(tmp_path, monkeypatch):
    path = tmp_path / "a.policy"
    make(path)
    before = contents(path)
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    rename = type(path).rename

    def fails(source, target):
        if target == path and source.name != "old":
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr(type(path), "rename", fails)
    with pytest.raises(PolicyFileError, match="Input/output error"):
        make(path, OTHER)
    assert contents(path) == before
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, sys
from pathlib import Path
from routelab.policy_file import atomic
atomic._put = lambda *_: os._exit(9)
atomic.replace_directory(Path(sys.argv[1]), {"policy.json": b"new"})
"""


def test_a_killed_writer_leaves_the_old_policy(tmp_path):
    path = tmp_path / "a.policy"
    make(path)
    before = contents(path)
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == 9
    assert contents(path) == before
    make(path, OTHER)
    assert load(path).policy == OTHER


def test_a_parent_that_is_a_file_is_an_error_that_names_the_place(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PolicyFileError, match=r"a\.policy: cannot be written"):
        make(tmp_path / "file" / "a.policy")


def test_a_link_is_followed_and_stays(tmp_path, way):
    (tmp_path / "current.policy").symlink_to(tmp_path / "real.policy")
    make(tmp_path / "real.policy")
    make(tmp_path / "current.policy", OTHER)
    assert load(tmp_path / "real.policy").policy == OTHER
    assert (tmp_path / "current.policy").is_symlink()
    assert {file.name for file in tmp_path.iterdir()} == {"current.policy", "real.policy"}
