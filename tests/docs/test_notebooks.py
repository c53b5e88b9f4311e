"""The notebooks run from top to bottom without a warning, and are stored without outputs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from routelab.logs import Log
from routelab.policies import Cascade, Fixed, Mixture

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
STUDY = PROJECT / "notebooks" / "tradeoff_study.ipynb"
QUICK = ("quickstart",)
"""Notebooks that run by default; a kernel each takes too long for the others."""
TABLES = {
    "failover": 4,
    "off_policy": 3,
    "quickstart": 3,
    "tradeoff_study": 4,
    "tuning_and_certificates": 4,
}
PLOTS = {
    "failover": 2,
    "off_policy": 0,
    "quickstart": 4,
    "tradeoff_study": 3,
    "tuning_and_certificates": 0,
}


@pytest.fixture
def ran(tmp_path, sample_file):
    """Runs a notebook where no log but the embedded one is at hand, or beside real ones."""
    shutil.copytree(sample_file.parent, tmp_path / "datasets")

    def run(path: Path, logs: Path | None = None) -> nbformat.NotebookNode:
        return asyncio.run(execute(path, tmp_path, logs or tmp_path / "no logs here"))

    return run


async def execute(path: Path, home: Path, logs: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs, from a folder of its own beside `datasets`."""
    folder = home / f"{path.stem}-{logs.name}"
    folder.mkdir()
    own = {name: str(folder / name) for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    found = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(folder)}}
    client = NotebookClient(found, timeout=120, kernel_name="python3", resources=where)
    return await client.async_execute(env={**os.environ, **own, "ROUTELAB_DATA": str(logs)})


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [it for cell in notebook.cells for it in cell.get("outputs", ())]


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    """What is displayed as HTML."""
    data = (it.get("data", {}) for it in outputs(notebook))
    return [it["text/html"] for it in data if "text/html" in it]


def check(ran: nbformat.NotebookNode, name: str) -> None:
    assert [it.text for it in outputs(ran) if it.output_type == "stream"] == []
    pieces = shown(ran)
    assert sum("<table" in piece for piece in pieces) == TABLES[name]
    assert sum("<svg" in piece for piece in pieces) == PLOTS[name]


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} == TABLES.keys()


@pytest.mark.parametrize(
    "name",
    [it if it in QUICK else pytest.param(it, marks=pytest.mark.slow) for it in TABLES],
)
def test_it_runs_on_the_embedded_log(name, ran):
    found = ran(STUDY.with_name(f"{name}.ipynb"))
    check(found, name)
    assert any("sample.parquet" in piece for piece in shown(found))


@pytest.mark.slow
def test_the_study_runs_on_a_real_log(ran, real_log):
    log = real_log("reasoning_gym_easy.parquet")
    found = ran(STUDY, log.parent)
    check(found, STUDY.stem)
    assert any(log.name in piece for piece in shown(found))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(nbformat.from_dict(stored))
    for cell in stored["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None), cell["id"]


def test_a_policy_routes_in_under_fifteen_lines():
    notebook = nbformat.read(PROJECT / "notebooks" / "quickstart.ipynb", as_version=4)
    lines: list[str] = []
    for cell in notebook.cells:
        if "worth" in cell.source and cell.cell_type == "markdown":
            break
        if cell.cell_type == "code":
            lines += [line for line in cell.source.splitlines() if line.strip()]
    assert any("router.route(" in line for line in lines)
    assert len(lines) < 15


class Cells(HTMLParser):
    """The text in the cells of tables, row by row, and every tag there is."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def table(thing: object) -> Cells:
    cells = Cells()
    cells.feed(thing._repr_html_())
    return cells


PLAIN = {"table", "caption", "thead", "tbody", "tr", "th", "td", "div"}


def test_a_log_shows_its_models(sample_log: Log):
    found = table(sample_log)
    by_model = {row[0]: row[1:] for row in found.rows[1:]}
    assert by_model.keys() == set(sample_log.models)
    quality = sample_log.quality[:, sample_log.column("large")].mean()
    assert by_model["large"][1] == f"{quality:.3f}"
    assert found.rows[1][0] == "small-8b"


def test_a_study_shows_its_verdict_and_its_points(tuned):
    study = tuned.study
    found = table(study)
    assert study.verdict.word in study._repr_html_()
    assert [row[0].removesuffix(" (exported)") for row in found.rows[1:]] == [
        point.name for point in study.points
    ]
    for row, figures in zip(found.rows[1:], study.tested, strict=True):
        assert row[1].startswith(f"{figures.quality:.3f} [")


def test_a_policy_shows_its_fields_and_those_of_policies_inside():
    policy = Mixture(Fixed("small"), Cascade(("small", "large"), (0.25,), "sure"), 0.5)
    rows = {row[0]: row[1] for row in table(policy).rows[1:]}
    assert rows["weight"] == "0.5"
    assert rows["first.model"] == "small"
    assert rows["second.models"] == "small, large"
    assert rows["second.thresholds"] == "0.25"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a&b<i>'\"", "x" * 300])
def test_names_are_shown_as_they_are_and_never_as_markup(name, sample_log: Log):
    log = replace(sample_log, models=(name, *sample_log.models[1:]), notes=(name,))
    policy = Cascade((name, "large"), (0.5,), name)
    for thing in (log, policy):
        found = table(thing)
        assert found.tags <= PLAIN
        assert any(name[:60] in cell for row in found.rows for cell in row)
        assert max(len(cell) for row in found.rows for cell in row) < 130


def test_many_models_leave_the_table_small(sample_log: Log):
    many = [sample_log.models[i % 5] for i in range(400)]
    log = replace(sample_log.only(many), models=tuple(f"model-{i}" for i in range(400)))
    assert len(table(log).rows) < 30
    assert "and 376 more" in log._repr_html_()


def test_what_was_not_observed_says_so(sample_log: Log):
    blind = replace(sample_log, latency_s=sample_log.latency_s * float("nan"))
    assert all(row[-1] == "not observed" for row in table(blind).rows[1:])
