"""The command where its surroundings are odd: encodings, closed and full outputs, no home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_world import rows_of, save

from routelab.cli.streams import ascii_json

COMMAND = [sys.executable, "-c", "import sys; from routelab.cli import main; sys.exit(main())"]
NONE: dict[str, str | None] = {name: None for name in os.environ if name != "PYTHONPATH"}
PLAIN = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
SURROUNDINGS: dict[str, dict[str, str | None]] = {
    "Latin-1 terminal": {"PYTHONIOENCODING": "latin-1"},
    "C locale": dict(PLAIN),
    "nothing set": NONE,
    "no home, odd terminal, strict": {
        "HOME": "/nonexistent", "TMPDIR": "/nonexistent", "PATH": "", "COLUMNS": "10",
        "TERM": "dumb", "TZ": "No/Such", "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2",
    },
}  # fmt: skip


def command(*args: object, cwd: Path, env: dict[str, str | None], **how: object):
    given = {name: it for name, it in {**os.environ, **env}.items() if it is not None}
    return subprocess.run(
        [*COMMAND, *map(str, args)], cwd=cwd, env=given, capture_output="stdout" not in how, **how
    )


@pytest.fixture(scope="module", name="folder")
def log_of_odd_tasks(tmp_path_factory):
    """A log whose tasks no narrow encoding holds, and a policy tuned on it."""
    folder = tmp_path_factory.mktemp("odd")
    rows = [{**row, "task": f"t≥é😀 {row['request_id'][-1] > '4'}"} for row in rows_of(300)]
    save(folder / "log.csv", rows)
    done = command("tune", "log.csv", "--policy", "cascade", "--trials", 5,
                   "--no-report", "--no-tracking",
                   cwd=folder, env={})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("which", SURROUNDINGS)
def test_a_study_ends_in_its_verdict_and_its_policy(folder, which):
    done = command("tune", "log.csv", "--policy", "cascade", "--trials", 5,
                   "--no-report", "--no-tracking",
                   cwd=folder, env=SURROUNDINGS[which])  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert b"verdict: " in done.stdout
    assert done.stdout.rstrip().splitlines()[-2].startswith(b"policy: log.policy")


@pytest.mark.parametrize("which", ["Latin-1 terminal", "C locale"])
def test_json_says_the_same_in_any_encoding(folder, which):
    usual = command(
        "inspect", "log.policy", "--json", cwd=folder, env={"PYTHONIOENCODING": "utf-8"}
    )
    narrow = command("inspect", "log.policy", "--json", cwd=folder, env=SURROUNDINGS[which])
    assert json.loads(narrow.stdout) == json.loads(usual.stdout)
    assert "😀" in usual.stdout.decode()
    assert narrow.stdout.isascii()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_under_the_output_is_told(folder, options):
    with Path("/dev/full").open("wb") as full:
        done = command("inspect", "log.policy", *options, cwd=folder, env={}, stdout=full,
                       stderr=subprocess.PIPE)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: standard output: cannot be written")
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_goes_away_is_no_error(folder):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        done = command("inspect", "log.policy", cwd=folder, env={}, stdout=gone,
                       stderr=subprocess.PIPE)  # fmt: skip
    assert done.stderr == b""


def test_text_outside_of_ascii_is_escaped_as_json_has_it():
    text = json.dumps({"a": 'é≥😀\\"', "plain": 1}, ensure_ascii=False)
    assert ascii_json(text).isascii()
    assert json.loads(ascii_json(text)) == json.loads(text)
