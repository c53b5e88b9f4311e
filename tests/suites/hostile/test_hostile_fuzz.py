"""Fuzzing of what reads files: a second in every run, half an hour when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hostile_world import KINDS, case, outcome, put
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).with_name("fuzz.py")
CORPUS = Path(__file__).with_name("corpus")


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_are_read(kind, tmp_path):
    for files in KINDS[kind].seeds():
        put(tmp_path / "case", files)
        assert outcome(kind, tmp_path / "case") == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_cases_are_read_or_refused(kind, tmp_path):
    @settings(max_examples=25, derandomize=True, database=None)
    @given(st.integers(0, 10**9))
    def tried(seed):
        put(tmp_path / "case", case(kind, seed))
        assert outcome(kind, tmp_path / "case") in ("ok", "refused")

    tried()


def test_the_same_seed_gives_the_same_bytes():
    for kind in KINDS:
        assert [case(kind, it) for it in range(5)] == [case(kind, it) for it in range(5)]


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda it: it.name)
def test_what_once_ended_badly_is_read_or_refused(path, tmp_path):
    """Each folder is named after its kind, and holds the files that did."""
    files = {it.name: it.read_bytes() for it in path.iterdir()}
    put(tmp_path / "case", files)
    assert outcome(path.name.partition("-")[0], tmp_path / "case") in ("ok", "refused")


def test_the_fuzzer_counts_in_processes_of_their_own():
    done = subprocess.run(
        [sys.executable, str(FUZZ), "--kind", "catalogue", "--cases", "20", "--seconds", "120"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tried      20" in done.stdout


@pytest.mark.fuzz
def test_half_an_hour(capsys):
    done = subprocess.run(
        [sys.executable, str(FUZZ), "--seconds", "1800"], capture_output=True, text=True
    )
    with capsys.disabled():
        sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
