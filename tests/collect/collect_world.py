"""Small collections, begun by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from routelab.collect.storage import (
    Arm,
    AskedCell,
    CollectedRequest,
    Manifest,
    encode_request,
    write_manifest,
)
from routelab.core.catalogue import Model


def begun(tmp_path: Path, *, requests: int, arms: tuple[str, ...] = ("small", "large")) -> Path:
    """The folder of a collection of which nothing was asked yet."""
    folder = tmp_path / "mine.collection"
    folder.mkdir()
    lines = b"".join(
        encode_request(
            CollectedRequest(id=f"q{row}", messages=({"role": "user", "content": f"ask {row}"},))
        )
        + b"\n"
        for row in range(requests)
    )
    (folder / "requests.jsonl").write_bytes(lines)
    prices = Model(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0)
    manifest = Manifest(
        source="prompts.csv",
        requests=requests,
        requests_sha256=hashlib.sha256(lines).hexdigest(),
        arms=tuple(Arm(name, prices, (name,)) for name in arms),
        body={"temperature": 0.0},
    )
    write_manifest(folder, manifest)
    return folder


def cell(row: int, arm: int, **more: Any) -> AskedCell:
    """A cell that was answered."""
    said: dict[str, Any] = {"answer": "yes", "finish": "stop", "cost_usd": 0.25, "spent_usd": 0.25}
    return AskedCell(row=row, arm=arm, **{**said, **more})


def lines_of_journal(folder: Path, number: int = 1) -> list[bytes]:
    """The lines of a journal with their ends."""
    return (folder / f"cells-{number:06}.jsonl").read_bytes().splitlines(keepends=True)
