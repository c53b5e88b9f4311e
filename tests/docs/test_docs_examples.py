"""Every example of the documentation runs, or at least parses.

Blocks of ```python run in order in one folder, which holds `datasets/` and, as `log.parquet`,
`models.toml` and `mine.policy`, the embedded log and what belongs to it; ```python no-run is
only compiled. In ```console blocks every `routelab` line must be one that the command accepts.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from routelab.cli.app import app

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("**/*.md"))]
ONE_STORY = {"tutorial.md"}
"""Pages whose Python needs what their commands wrote; `docs/test_docs_tutorial.py` runs both."""
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block, and the line of the page on which its body starts."""

    kind: str
    body: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(it["kind"].strip(), it["body"], text.count("\n", 0, it.start("body")) + 1)
        for it in FENCE.finditer(text)
    ]


def commands(page: Path) -> list[str]:
    """The `routelab` lines of the page's console blocks, continued lines joined."""
    bodies = (it.body.replace("\\\n", " ") for it in blocks(page) if it.kind == "console")
    lines = (line.removeprefix("$ ").strip() for body in bodies for line in body.splitlines())
    return [line for line in lines if line.startswith("routelab ")]


def modules_with_examples() -> Iterator[str]:
    """All but those that are programs."""
    for file in sorted((PROJECT / "src").rglob("*.py")):
        name = ".".join(file.relative_to(PROJECT / "src").with_suffix("").parts)
        if not name.endswith((".__main__", ".decider")) and ">>>" in file.read_text("utf-8"):
            yield name.removesuffix(".__init__")


def counted(page: Path) -> str:
    """A name that says how much there is to run."""
    examples = sum(it.kind.startswith("python") for it in blocks(page))
    return f"{page.name}: {examples} examples, {len(commands(page))} commands"


@pytest.fixture
def folder(tmp_path, monkeypatch, sample_file, request):
    """What a page may take for granted."""
    shutil.copytree(sample_file.parent, tmp_path / "datasets")
    shutil.copy(sample_file, tmp_path / "log.parquet")
    shutil.copy(sample_file.with_name("sample.models.toml"), tmp_path / "models.toml")
    for name in ("mine.policy", "policies/demo.policy"):
        shutil.copytree(request.getfixturevalue("tuned").policy, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [it for it in PAGES if it.name not in ONE_STORY], ids=counted)
def test_python_blocks_run_in_order(page, folder):
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.kind.startswith("python"):
            code = compile("\n" * (block.line - 1) + block.body, str(page), "exec")
            if block.kind == "python":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(code, names)


@pytest.mark.parametrize("page", PAGES, ids=counted)
def test_commands_parse(page):
    for line in commands(page):
        parsed(line)


@pytest.mark.parametrize("page", PAGES, ids=counted)
def test_toml_blocks_parse(page):
    for block in blocks(page):
        if block.kind == "toml":
            tomllib.loads(block.body)


@pytest.mark.parametrize("page", PAGES, ids=counted)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def parsed(line: str) -> None:
    """Parse a command line as the program would, without running it."""
    words = shlex.split(re.split(r"\s[|>&]\s?", line)[0], comments=True)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words, f"{line}: a command is missing"
        assert words[0] in command.commands, f"{line}: no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    if "--help" not in words:
        command.make_context("routelab", words)


def test_a_command_that_is_wrong_does_not_parse():
    parsed("routelab tune log.parquet --seed 1 | head")
    for line in ("routelab tuna log.parquet", "routelab tune", "routelab tune x --speed 3"):
        with pytest.raises(Exception, match=r"tuna|Missing|--speed"):
            parsed(line)


def help_texts(group=None, path=()) -> Iterator[str]:
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from help_texts(command, (*path, name))
        else:
            yield " ".join((*path, name)) + "\n" + (command.help or "") + (command.epilog or "")


def test_every_help_text_has_an_example_that_parses():
    for page in help_texts():
        (example, *_) = re.findall(r"`(routelab [^`]+)`", page)
        parsed(example)


def test_docstring_examples(folder):
    """Of every module that has one, each in a session of its own."""
    told = io.StringIO()
    runner = doctest.DocTestRunner()
    for name in modules_with_examples():
        for example in doctest.DocTestFinder(exclude_empty=True).find(
            importlib.import_module(name)
        ):
            runner.run(example, out=told.write)
    assert runner.tries > 50
    assert runner.failures == 0, told.getvalue()


def test_the_readme_has_no_placeholder():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert not re.findall(r"@[A-Z]+@", text)
