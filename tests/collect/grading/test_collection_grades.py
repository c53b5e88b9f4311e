"""A collection is graded by what its requests say, and what it knows of its answers counts."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import pyarrow.parquet as pq
import pytest
from collect_world import begun, cell

from routelab import graders
from routelab.cli import main
from routelab.collect.grading import grade_collection
from routelab.collect.storage import Collection, CollectionWriter
from routelab.collect.storage.manifest import read_manifest, write_manifest
from routelab.errors import CollectError, GradingError
from routelab.graders import AnswerStatus
from routelab.logs import read

EXACT = graders.ExactMatch()


@pytest.fixture
def collection(tmp_path):
    """Three requests with a reference, of which one answer is right and the others no answers."""
    folder = begun(tmp_path, requests=3)
    path = folder / "requests.jsonl"
    rows = [msgspec.json.decode(it) for it in path.read_bytes().splitlines()]
    _rewrite(folder, [{**it, "columns": {"gold": ["yes", 7.0]}} for it in rows])
    cells = [
        cell(0, 0),
        cell(0, 1, answer="7"),
        cell(1, 0, answer="ye", outcome="cut"),
        cell(1, 1, answer="no"),
        cell(2, 0, answer=None, outcome="failed", error="503"),
        cell(2, 1, answer="", outcome="empty"),
    ]
    _write(folder, cells)
    return folder


def _rewrite(folder, rows):
    lines = b"".join(msgspec.json.encode(it) + b"\n" for it in rows)
    (folder / "requests.jsonl").write_bytes(lines)
    manifest = read_manifest(folder)
    digest = hashlib.sha256(lines).hexdigest()
    write_manifest(folder, msgspec.structs.replace(manifest, requests_sha256=digest))


def _write(folder, cells):
    async def write() -> None:
        with Collection(folder) as found, CollectionWriter(found) as writer:
            for it in cells:
                await writer.keep(it)

    asyncio.run(write())


@pytest.mark.parametrize("asked", [None, "gold"])
def test_the_first_request_may_lack_a_reference(collection, tmp_path, asked):
    path = collection / "requests.jsonl"
    first, *others = [msgspec.json.decode(it) for it in path.read_bytes().splitlines()]
    _rewrite(collection, [{**first, "columns": {}}, *others])
    out = tmp_path / "graded.parquet"
    found = grade_collection(collection, out, [EXACT], reference=asked)
    assert pq.read_table(out)["quality"].to_pylist() == [None, None, None, 0.0, None, None]
    assert found.untold["exact"] == 2


def test_cells_get_grades_by_column(collection, tmp_path):
    out = tmp_path / "graded.parquet"
    found = grade_collection(collection, out, [EXACT, graders.TokenF1()])
    log = read(out)
    assert log.models == ("small", "large")
    table = pq.read_table(out).to_pydict()
    assert table["quality"] == [1.0, 1.0, None, 0.0, None, None]
    assert table["grade_token_f1"] == [1.0, 1.0, 0.0, 0.0, None, None]
    assert found.models["small"].statuses == {"cut": 1, "errored": 1, "graded": 1}
    assert found.models["large"].statuses == {"empty": 1, "graded": 2}


def test_answers_that_are_none_are_wrong_where_asked_for(collection, tmp_path):
    out = tmp_path / "graded.parquet"
    grade_collection(collection, out, [EXACT], as_wrong=[AnswerStatus.EMPTY])
    assert pq.read_table(out).to_pydict()["quality"] == [1.0, 1.0, None, 0.0, None, 0.0]


def test_the_command_takes_collections(collection, tmp_path, capsys):
    assert main(["grade", str(collection), "--grader", "exact"]) == 0
    assert (tmp_path / "mine.graded.parquet").exists()
    assert "mine.graded.parquet" in capsys.readouterr().out


def test_columns_of_a_collection_are_not_renamed_in_silence(collection, tmp_path, capsys):
    assert main(["grade", str(collection), "--grader", "exact", "--column", "response=gold"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "--column response: a collection knows its own columns" in said
    assert not (tmp_path / "mine.graded.parquet").exists()


def test_what_is_missing_is_told(collection, tmp_path):
    out = tmp_path / "graded.parquet"
    with pytest.raises(CollectError, match="no column 'right'; they have gold"):
        grade_collection(collection, out, [EXACT], reference="right")
    with pytest.raises(GradingError, match="no grader"):
        grade_collection(collection, out, [])
    assert not out.exists()
