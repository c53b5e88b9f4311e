"""Files that are replaced at once, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from routelab.core.storage.atomic import replacing


def names(folder):
    return sorted(it.name for it in folder.iterdir())


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("name", ["a.json", "n" * 255])
def test_the_old_file_is_there_until_the_new_one_is(tmp_path, before, name):
    path = tmp_path / name
    if before is not None:
        path.write_bytes(before)
    with replacing(path) as fresh:
        assert fresh.parent == tmp_path
        fresh.write_bytes(b"new")
        assert path.exists() == (before is not None)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == [name]


def test_where_writing_fails_the_old_file_stays_alone(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def stopped():
        with replacing(path) as fresh:
            fresh.write_bytes(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_a_full_disk_that_tells_so_late_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def full(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), replacing(path) as fresh:
        fresh.write_bytes(b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_the_content_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "a.json", []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (seen.append(path.exists()), sync(file)))
    with replacing(path) as fresh:
        fresh.write_bytes(b"new")
    assert seen == [False, True]


def test_a_block_that_wrote_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.json"):
        pass
    assert names(tmp_path) == []


def test_a_link_stays_one_and_a_mode_is_kept(tmp_path):
    (tmp_path / "far").mkdir()
    path, link = tmp_path / "far" / "a.json", tmp_path / "link.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as fresh:
        fresh.write_bytes(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path / "far") == ["a.json"]


@pytest.mark.parametrize("path", ["", ".", "/", "/dev/null"])
def test_what_is_no_file_is_refused(path):
    entered = False
    with pytest.raises(OSError, match=r"directory|regular"), replacing(Path(path)):
        entered = True
    assert not entered


def test_the_first_error_is_told_where_the_remains_cannot_be_removed(tmp_path, monkeypatch):
    def stuck(_path, missing_ok=False):
        raise PermissionError("stuck")

    monkeypatch.setattr(Path, "unlink", stuck)
    with pytest.raises(ValueError, match="first"), replacing(tmp_path / "a.json"):
        raise ValueError("first")


def ended():
    """Of a process that is no more."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    path, pid = tmp_path / "a.json", ended()
    left = [tmp_path / f".a.json.{pid}-00ff00ff.tmp", tmp_path / f".a.json.{pid}-folder.tmp"]
    left[0].write_bytes(b"half")
    left[1].mkdir()
    (left[1] / "policy.json").write_bytes(b"half")
    kept = {
        "of a living process": tmp_path / f".a.json.{os.getpid()}-00ff00ff.tmp",
        "just written, perhaps on another machine": tmp_path / f".a.json.{pid}-11ff11ff.tmp",
        "of another file": tmp_path / f".b.json.{pid}-00ff00ff.tmp",
        "of somebody else": tmp_path / ".a.json.mine.tmp",
    }
    for it in kept.values():
        it.write_bytes(b"half")
    for it in (*left, *kept.values()):
        if it != kept["just written, perhaps on another machine"]:
            os.utime(it, (1e9, 1e9))
    with replacing(path) as fresh:
        fresh.write_bytes(b"new")
    assert names(tmp_path) == sorted(["a.json", *(it.name for it in kept.values())])
