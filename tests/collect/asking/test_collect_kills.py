"""A collection that is killed again and again loses nothing that was paid for and kept."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from endpoint_world import Endpoint, Killed, catalogue_at, few_requests, served

from routelab.collect import Collection, CollectOptions

FAULTS = {"500": 0.04, "429": 0.03, "cut": 0.03}
MODELS = ("small-8b", "large")

Cells = set[tuple[str, str]]


def on_disk(out: Path) -> Cells:
    """Cells whose answer is there, as another process reads it."""
    with Collection(out) as found:
        return {(it.request.id, it.model) for it in found.cells()}


def killed_collection(
    tmp_path: Path, *, requests: int, kills: int, grows: tuple[int, int]
) -> tuple[Path, Endpoint, list[tuple[int, Cells]]]:
    """A collection that was killed so often and then ended, and what was on disk after each kill.

    Beside the cells stands how many requests the endpoint had had by then.
    """
    log, source = few_requests(tmp_path, requests)
    out, rng = tmp_path / "mine.collection", random.Random(7)
    endpoint, snapshots = Endpoint(log, FAULTS), []
    with served(endpoint) as url:
        options = CollectOptions(max_usd=50.0, at_once=8)
        runs = Killed(source, out, catalogue_at(url, MODELS), options)
        for _ in range(kills):
            assert runs.run(out, rng.randint(*grows)), "it ended before it was killed"
            snapshots.append((len(endpoint.asked), on_disk(out)))
        assert not runs.run(out, 1 << 60)
    return out, endpoint, snapshots


def check(out: Path, endpoint: Endpoint, snapshots: list[tuple[int, Cells]], n: int) -> None:
    """Nothing is lost, nothing asked again, and every cent accounted for."""
    for asked, there in snapshots:
        assert not there.intersection(endpoint.asked[asked:]), "asked again after it was on disk"
    with Collection(out) as found:
        cells, table = list(found.cells()), found.table()
    assert Counter((it.request.id, it.model) for it in cells).most_common(1)[0][1] == 1
    assert (len(cells), table.left) == (n, 0)
    for it in cells:
        key = it.request.id, it.model
        assert it.cell.outcome == ("failed" if key in endpoint.broken else "answered")
        assert it.cell.cost_usd == endpoint.bills.get(key, [0.0])[-1]
    charged = sum(sum(it) for it in endpoint.bills.values())
    kept = sum(it.cell.cost_usd for it in cells)
    assert table.spent_usd == pytest.approx(kept, abs=1e-12)
    assert kept < charged, "answers that were cut, or lost in flight, are billed too"
    assert charged <= table.spent_usd + table.unknown_usd, "and money is reserved for each"
    assert len(list(table.unsettled)) <= 16 * len(snapshots)


def test_a_few_kills_lose_nothing(tmp_path):
    found = killed_collection(tmp_path, requests=60, kills=3, grows=(2_000, 9_000))
    check(*found, n=120)


@pytest.mark.slow
def test_two_hundred_kills_in_five_thousand_cells_lose_nothing(tmp_path):
    found = killed_collection(tmp_path, requests=2_500, kills=200, grows=(500, 12_000))
    check(*found, n=5_000)
