"""A caller in Python reads the names of arguments, and a user at a terminal reads flags."""

from __future__ import annotations

import ast
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
import typer
from runtime_world import catalogue, model, policy_file

from routelab import cli
from routelab.cli.app import app
from routelab.cli.flags import FLAGS, with_flags
from routelab.errors import RoutelabError
from routelab.logs import read
from routelab.policies import Fixed
from routelab.tuning import Bounds, Floor, Options
from routelab.tuning.certify import CertificateDemand

SOURCE = Path(cli.__file__).parents[1]
OF_FILES = {
    "after", "api_key_env", "attempt", "audit", "build", "certificate", "end", "ended", "estimates",
    "evaluation", "first", "high", "least", "max_concurrency", "max_reply_bytes", "model", "most",
    "otherwise", "parts", "propensity", "provenance", "queue", "request", "response", "scoring",
    "weight",
}  # fmt: skip
"""What sentences name between backticks that no command takes: fields of files, `compose`'s,
and arrays of `estimators`."""

TWO_FIELDS = (
    "`processes` is for the trials of a search, and `policy='tiers'` makes none; leave it out, or"
    " search with `policy='cascade'` or 'auto'"
)


def options(group) -> set[str]:
    """Every option of every command."""
    if hasattr(group, "commands"):
        return {it for command in group.commands.values() for it in options(command)}
    return {option for it in group.params for option in it.opts}


def test_every_flag_is_an_option_of_a_command():
    assert set(FLAGS.values()) <= options(typer.main.get_command(app))


def sentences() -> Iterator[str]:
    """Every text in the library, docstrings apart."""
    for path in SOURCE.rglob("*.py"):
        if "cli" not in path.relative_to(SOURCE).parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    node.value.value = ""
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_argument_that_the_library_names_has_a_flag():
    named = {it for text in sentences() for it in re.findall(r"`([a-z_]+)`", text)}
    assert "trials" in named
    assert named - set(FLAGS) == OF_FILES


@pytest.mark.parametrize("asked", [Options, Bounds])
def test_every_field_of_what_a_study_is_asked_has_a_flag(asked):
    fields = {field.name for field in msgspec.structs.fields(asked)}
    other = {"name": "Options.name"} | {it: f"{it}=False" for it in ("account", "returning")}
    # `pool` is false of searches that an earlier release began, and asked for by nobody.
    assert {other.get(it, it) for it in fields - {"bounds", "pool"}} <= set(FLAGS)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("`trials` is 0; at least 1 is needed", "--trials is 0; at least 1 is needed"),
        ("use `part='all'`", "use --split all"),
        ("`columns={'prompt': 'ask', 'id': 'key'}`", "--column prompt=ask --column id=key"),
        ("pass `allow_missing=True` if", "pass --allow-missing if"),
        ("that `account=False` leaves out", "that --no-account leaves out"),
        ("`floors` task=2: the loss", "--floor task=2: the loss"),
        ("trust it: `packages=['acme']`", "trust it: --package acme"),
        ("`signals={'sure': SignalSpec(multiplier=3)}` (3", "--signal sure:3 (3"),
        ("`prices=FILE`", "--prices FILE"),
        ("give more `weight`, or start `dask scheduler`", None),
        ("`prices='a b'` or `x`", "--prices 'a b' or `x`"),
        ("`signals=['a', 'b c']`", "--signal a --signal 'b c'"),
        ("`unknown='x'`, ` `, `` and `trials", None),
        (
            TWO_FIELDS,
            "--processes is for the trials of a search, and --policy tiers makes none; leave it"
            " out, or search with --policy cascade or 'auto'",
        ),
    ],
)
def test_arguments_become_flags_and_nothing_else_changes(sentence, shown):
    assert with_flags(sentence) == (sentence if shown is None else shown)


@pytest.mark.parametrize(
    "written",
    [
        "{[]: 1}", "1" * 100_000, "[" * 400, "-" * 400 + "1", "\0", "'\\d", "[]",
        "{{}}", "x" * 100_000, "print(1)",
    ],
)  # fmt: skip
def test_what_is_no_value_of_python_stays_as_it_is(written):
    said = f"`signals={written}` is odd"
    assert with_flags(said) == said


HOSTILE = "no `seed`, `policy='a b'`, `signals={[]:1}` or `Router.route.id`"


def test_words_of_an_endpoint_stay_theirs(tmp_path, capsys):
    models = catalogue(first=model("bad"))
    chosen = policy_file(tmp_path, Fixed("first"), models)
    body = json.dumps({"error": {"message": HOSTILE}}).encode()

    class Hostile(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(400)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        status = cli.main(["route", str(chosen.path), "hello", "--base-url", url])
        server.shutdown()
    written = capsys.readouterr()
    said = " ".join((written.out + written.err).split())
    assert status == 2, said
    assert HOSTILE.replace("`", "'") in said


@pytest.mark.parametrize("name", ["`policy`.csv", "`seed=1`.csv", "`signals={[]:1}`.csv"])
def test_names_of_files_and_columns_stay_theirs(name, tmp_path, capsys):
    (tmp_path / name).write_text("request_id,`seed`\n1,2\n")
    assert cli.main(["tune", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert name.replace("`", "'") in said
    assert "'seed'" in said
    assert "--policy" not in said
    assert "--seed" not in said


@pytest.mark.parametrize(
    ("asked", "words", "fields"),
    [
        ({"trials": 0}, ["--trials", "0"], ["trials"]),
        ({"seed": -1, "levels": 1}, ["--seed", "-1", "--levels", "1"], ["seed", "levels"]),
        ({"fresh": True}, ["--fresh"], ["storage", "fresh"]),
        (
            {"policy": "tiers", "pair": ("a", "b"), "account": False},
            ["--policy", "tiers", "--pair", "a,b", "--no-account"],
            ["pair", "account"],
        ),
        (
            {"bounds": Bounds(min_quality=2, floors=(Floor("task", 2),))},
            ["--min-quality", "2", "--floor", "task=2"],
            ["min_quality", "floors"],
        ),
        (
            {"certify": (CertificateDemand("regret", 2),), "delta": 0.9},
            ["--certify", "regret=2", "--delta", "0.9"],
            ["certify", "delta"],
        ),
    ],
)
def test_each_reads_what_it_has_written(asked, words, fields, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RoutelabError) as refused:
        Options(name="x", **asked).check()
    in_python = str(refused.value)
    assert "--" not in in_python
    assert all(f"`{field}" in in_python for field in fields)
    assert cli.main(["tune", "log.csv", *words]) == 2
    at_terminal = capsys.readouterr().err
    assert "`" not in at_terminal
    flags = [FLAGS.get(it) or FLAGS[f"{it}=False"] for it in fields]
    assert all(flag in at_terminal for flag in flags)


def test_notes_and_warnings_are_read_by_both_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{at},{model},0.5\n" for at in range(40) for model in ("small", "large"))
    (tmp_path / "log.csv").write_text("request_id,model,quality\n" + rows)
    (note,) = read(tmp_path / "log.csv").notes
    assert "or `prices='FILE.csv'` with" in note
    assert cli.main(["tune", "log.csv"]) == 2
    assert "or --prices FILE.csv with" in capsys.readouterr().err
