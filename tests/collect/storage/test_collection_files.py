"""A collection on the disk: what is kept, what a kill leaves, what is refused."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest
from collect_world import begun, cell, lines_of_journal

from routelab import read
from routelab.collect import Collection, write_log
from routelab.collect.storage import (
    AskedCell,
    CollectionLock,
    CollectionWriter,
    Reserved,
    differences,
    read_manifest,
)
from routelab.collect.storage.cell_order import in_order
from routelab.errors import CollectError, LogError


def written(folder: Path, *lines: AskedCell | Reserved) -> None:
    """Write lines as one process would."""

    async def write() -> None:
        with Collection(folder) as collection, CollectionWriter(collection) as writer:
            for line in lines:
                await (writer.keep(line) if isinstance(line, AskedCell) else writer.reserve(line))

    asyncio.run(write())


def test_what_is_kept_is_read_back_by_another_process(tmp_path):
    folder = begun(tmp_path, requests=3)
    said = cell(1, 0, answer="vier", logprobs=(-0.1, -0.2), signals={"margin": 0.5}, notes=("so",))
    written(folder, Reserved(1, 0, 0.5), said, Reserved(2, 1, 0.25))
    with Collection(folder) as found:
        (only,) = found.cells()
        assert only.cell == said
        assert (only.request.id, only.model) == ("q1", "small")
        table = found.table()
    assert (table.left, table.spent_usd) == (5, said.spent_usd)
    assert [it.row for it in table.unsettled] == [2]
    assert table.unknown_usd == 0.25


@pytest.mark.parametrize("held", [1, 300, 1 << 20])
def test_cells_stand_in_the_order_of_requests_whatever_came_first(held):
    right = [cell(row, arm, answer=f"{row}\n{arm}") for row in range(12) for arm in range(2)]
    came = [right[at] for at in np.random.default_rng(1).permutation(len(right))]
    assert [*in_order(came, held)] == right
    assert came != right


def test_a_log_is_the_same_whatever_was_answered_first(tmp_path):
    logs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        folder = begun(tmp_path / name, requests=4)
        cells = [cell(row, arm, answer=f"{row} {arm}") for row in range(4) for arm in range(2)]
        written(folder, *(cells if name == "one" else reversed(cells)))
        with Collection(folder) as found:
            write_log(found, folder / "log.parquet")
        logs.append((folder / "log.parquet").read_bytes())
    assert logs[0] == logs[1]


def test_a_line_half_written_is_cut_off_and_asked_again(tmp_path):
    folder = begun(tmp_path, requests=3)
    written(folder, Reserved(0, 0, 0.5), cell(0, 0), Reserved(1, 0, 0.5), cell(1, 0))
    journal = folder / "cells-000001.jsonl"
    whole = journal.read_bytes()
    for lost in (1, 7, len(whole.splitlines()[-1])):
        journal.write_bytes(whole[:-lost])
        with Collection(folder) as found:
            assert [it.cell.row for it in found.cells()] == [0]
            with CollectionWriter(found) as writer:
                assert writer.table.unknown_usd == 0.5
        assert journal.read_bytes() == b"".join(whole.splitlines(keepends=True)[:3])


def test_a_damaged_line_loses_no_other(tmp_path):
    folder = begun(tmp_path, requests=3)
    written(folder, *(cell(row, 0) for row in range(3)))
    lines = lines_of_journal(folder)
    (folder / "cells-000001.jsonl").write_bytes(lines[0] + b"\0" * 40 + b"\n" + lines[2])
    with Collection(folder) as found:
        assert [it.cell.row for it in found.cells()] == [0, 2]
        (damaged,) = found.table().damaged
    assert (damaged.number, damaged.last) == (2, False)


def test_packed_cells_are_the_same_and_can_be_gone_on_with(tmp_path):
    folder = begun(tmp_path, requests=3)
    failed = cell(2, 0, outcome="failed", answer=None, error="no", spent_usd=0.125)
    written(folder, Reserved(0, 0, 1.0), Reserved(0, 0, 0.5), cell(0, 0), failed)

    def state() -> tuple[object, ...]:
        with Collection(folder) as found:
            table = found.table()
            cells = [it.cell for it in found.cells()]
        return cells, table.spent_usd, table.unknown_usd, table.left, table.codes.tolist()

    before = state()
    assert before[2] == 1.0, "the one that was killed stays reserved"

    async def pack() -> None:
        with Collection(folder) as found:
            CollectionWriter(found).pack()

    asyncio.run(pack())
    assert sorted(it.name for it in folder.glob("*cells*")) == ["_cells-000001.parquet"]
    assert state() == before
    again = cell(2, 0, answer="now", spent_usd=0.25)
    written(folder, Reserved(2, 0, 0.5), again)
    assert (folder / "cells-000002.jsonl").exists()
    cells, spent, unknown, left, _ = state()
    assert cells == [cell(0, 0), again]
    assert (spent, unknown, left) == (before[1] + 0.25, 1.0, before[3])
    asyncio.run(pack())
    assert sorted(it.name for it in folder.glob("*cells*")) == ["_cells-000002.parquet"]
    assert state()[:4] == (cells, spent, unknown, left)


def test_a_kill_between_packing_and_removing_counts_nothing_twice(tmp_path):
    folder = begun(tmp_path, requests=2)
    written(folder, cell(0, 0, spent_usd=0.5))
    journal = (folder / "cells-000001.jsonl").read_bytes()

    async def pack() -> None:
        with Collection(folder) as found:
            CollectionWriter(found).pack()

    asyncio.run(pack())
    (folder / "cells-000001.jsonl").write_bytes(journal)  # as if it was not removed
    with Collection(folder) as found:
        assert found.table().spent_usd == 0.5
        with CollectionWriter(found):
            pass
    assert not (folder / "cells-000001.jsonl").exists()


def test_two_processes_cannot_write_one_collection(tmp_path):
    folder = begun(tmp_path, requests=1)
    first = CollectionLock(folder)
    with pytest.raises(CollectError, match="another process collects into it"):
        CollectionLock(folder)
    first.release()
    CollectionLock(folder).release()


def test_a_full_disk_is_told_and_nothing_counts_that_is_not_written(tmp_path, monkeypatch):
    folder = begun(tmp_path, requests=4)

    async def write() -> None:
        with Collection(folder) as found:
            writer = CollectionWriter(found)
            await writer.keep(cell(0, 0))
            real = os.write
            monkeypatch.setattr(os, "write", lambda file, view: real(file, view[:9]) and _full())
            with pytest.raises(CollectError, match="No space left"):
                await asyncio.gather(writer.keep(cell(1, 0)), writer.keep(cell(2, 0)))
            with pytest.raises(CollectError, match="nothing more is asked"):
                await writer.reserve(Reserved(3, 0))
            assert writer.table.left == 7
            with pytest.raises(CollectError, match="No space left"):
                writer.close()

    asyncio.run(write())
    monkeypatch.undo()
    written(folder, cell(1, 0))
    with Collection(folder) as found:
        assert [it.cell.row for it in found.cells()] == [0, 1]


def _full() -> int:
    raise OSError(28, "No space left on device")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    folder = begun(tmp_path, requests=1)
    folder.chmod(0o500)
    try:
        with pytest.raises(CollectError, match="cannot be written: Permission denied; give"):
            CollectionLock(folder)
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"schema_version": 2}', "schema_version=2, and this routelab reads 1; upgrade routelab"),
        (b'{"schema_version": 1, "requests": "x"}', "is no manifest of a collection"),
        (b'{"schema_version": 1', "is no manifest of a collection"),
    ],
)
def test_manifests_that_cannot_be_read_say_why(tmp_path, content, said):
    folder = begun(tmp_path, requests=1)
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(CollectError, match=said):
        Collection(folder)


def test_requests_that_were_changed_are_refused(tmp_path):
    folder = begun(tmp_path, requests=2)
    with (folder / "requests.jsonl").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(CollectError, match=r"requests\.jsonl: is not what was collected"):
        Collection(folder)


def test_what_is_no_collection_is_told(tmp_path):
    with pytest.raises(CollectError, match=r"is no collection, as it has no manifest\.json"):
        Collection(tmp_path)


def test_cells_of_another_collection_are_refused(tmp_path):
    folder = begun(tmp_path, requests=1)
    written(folder, cell(0, 0))
    (folder / "cells-000001.jsonl").write_bytes(b'{"is":"cell","row":9,"arm":0}\n')
    with Collection(folder) as found, pytest.raises(CollectError, match="of other requests"):
        found.table()


def test_other_arguments_are_named_each(tmp_path):
    old = read_manifest(begun(tmp_path, requests=1))
    from msgspec.structs import replace

    new = replace(old, requests_sha256="f" * 64, body={"temperature": 1.0}, signals=("margin",))
    said = list(differences(old, new))
    assert [it.split(":")[0] for it in said] == ["prompts", "body", "signals"]
    assert "temperature was 0.0, and is 1.0" in said[1]
    assert list(differences(old, replace(old, arms=old.arms[:1]))) == []


def test_the_log_keeps_outcomes_apart_and_reads_as_one(tmp_path):
    folder = begun(tmp_path, requests=3)
    written(
        folder,
        *(cell(row, arm, answer=f"{row}{arm}") for row in range(2) for arm in range(2)),
        cell(2, 0, outcome="failed", answer=None, error="429", cost_usd=None),
        cell(2, 1, outcome="cut", finish="length"),
    )
    with Collection(folder) as found:
        n = write_log(found, folder / "log.parquet", lambda it: {"quality": it.cell.row == 0})
    assert n == 6
    log = read(folder)
    assert log.models == ("small", "large")
    assert log.error.tolist() == [[False, False], [False, False], [True, False]]
    assert log.quality.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert log.texts.responses(np.array([0, 1]), "large") == ["01", "11"]
    assert log.catalogue.model("small").input_usd_per_mtok == 1.0
    with Collection(folder) as found:
        write_log(found, folder / "log.parquet")
    with pytest.raises(LogError, match="no column 'quality'"):
        read(folder)
