"""Files are read within limits, without waiting, and without leaving their folder."""

from __future__ import annotations

import os

import pytest

from routelab.cli import main
from routelab.core.storage import inside, limits, raise_limits, read_bounded
from routelab.core.storage.read_limits import VARIABLE
from routelab.errors import ConfigError


@pytest.fixture(autouse=True)
def usual(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")


def test_a_file_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"x" * limits().table_bytes)
    assert len(read_bounded(path, "table_bytes")) == limits().table_bytes
    path.write_bytes(b"x" * (limits().table_bytes + 1))
    with pytest.raises(OSError, match=r"more than the 1,048,576 table_bytes.*ROUTELAB_LIMITS="):
        read_bounded(path, "table_bytes")
    raise_limits(["table_bytes=2000000"])
    assert len(read_bounded(path, "table_bytes")) == 1_048_577


def test_a_file_that_says_nothing_of_its_size_is_read_whole():
    with open("/proc/self/status", "rb") as file:  # noqa: PTH123
        n = len(file.read().splitlines())
    assert len(read_bounded_lines("/proc/self/status")) == n


def read_bounded_lines(name):
    from pathlib import Path

    return read_bounded(Path(name), "table_bytes").splitlines()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda it: it.symlink_to("/dev/zero")])
def test_what_is_no_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(OSError, match=r"pipe or a device|Is a directory"):
        read_bounded(tmp_path / "a", "table_bytes")


def test_links_lead_within_a_folder_and_not_out_of_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "real").write_text("here")
    (tmp_path / "secret").write_text("there")
    (tmp_path / "in" / "good").symlink_to("real")
    (tmp_path / "in" / "bad").symlink_to("../secret")
    (tmp_path / "in" / "round").symlink_to("round")
    folder = tmp_path / "in"
    assert read_bounded(folder / "good", "table_bytes", within=folder) == b"here"
    for name in ("bad", "round", "../secret", "nul\0"):
        with pytest.raises(OSError, match=r"leads out|symbolic links|null"):
            inside(folder / name, folder)
    for name in ("bad", "round"):
        with pytest.raises(OSError, match=r"leads out|symbolic links"):
            read_bounded(folder / name, "table_bytes", within=folder)


def test_limits_are_named_and_whole(monkeypatch):
    for text, why in (
        ("colums=5", "columns"),
        ("columns=5.5", "whole number"),
        ("columns", "whole"),
    ):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(ConfigError, match=why):
            limits()
    monkeypatch.setenv(VARIABLE, "columns=5,depth=7")
    assert (limits().columns, limits().depth) == (5, 7)


def test_a_command_raises_limits(tmp_path, monkeypatch, capsys):
    path = tmp_path / "log.csv"
    path.write_text("request_id,model,quality,cost_usd,a,b\nr,m,1,1,,\nr,n,1,1,,\n")
    monkeypatch.setenv(VARIABLE, "columns=3")
    assert main(["data", "describe", str(path)]) == 2
    assert "6 columns, more than 3, the last of them 'b'" in capsys.readouterr().err
    assert main(["--limit", "columns=6", "data", "describe", str(path)]) == 0
    assert main(["--limit", "rows=6", "data", "describe", str(path)]) == 2
    assert "limit" in capsys.readouterr().err
