"""The conformance suite of importers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from routelab.errors import LogError
from routelab.logs import Log, PartialLog, read
from routelab.logs.importers import REGISTRY, CallImporter, Importer, convert, import_calls
from routelab.testing.suite import Conformance


class ImporterConformance(Conformance):
    """It is found by its name, reads its layout, and refuses all else naming the file.

    Attributes:
        importers: examples.
    """

    importers: ClassVar[Sequence[Importer | CallImporter]] = ()
    examples: ClassVar[Mapping[str, str]] = {"importer": "importers"}

    def label(self, example: Any) -> str:
        return str(example.name)

    def published(self, importer: Importer | CallImporter, folder: Path) -> Path | None:
        """Write to `folder` what the importer reads, and say where; None leaves that check out."""
        return None

    def test_it_is_registered(self, importer: Importer | CallImporter) -> None:
        assert REGISTRY.kinds[importer.name] is importer
        assert all((importer.summary, importer.layout, importer.example))

    def test_what_it_reads_becomes_a_log(
        self, importer: Importer | CallImporter, tmp_path: Path
    ) -> None:
        path = self.published(importer, tmp_path)
        if path is None:
            pytest.skip("the suite has no example of its layout")
        out = tmp_path / "imported.parquet"
        if isinstance(importer, CallImporter):
            assert import_calls(importer, path, out).calls > 0
            found = read(out, graded=False)
            assert len(found) > 0
            assert isinstance(found, PartialLog if importer.traffic else Log)
            return
        log = convert(importer, path, out)
        assert len(log) > 0
        again = read(out)
        assert isinstance(again, Log)
        assert (again.models, len(again)) == (log.models, len(log))

    def test_it_refuses_what_is_not_its_layout(
        self, importer: Importer | CallImporter, tmp_path: Path
    ) -> None:
        (tmp_path / "folder").mkdir()
        for name in ("a.csv", "a.jsonl", "a.parquet", "a.pkl", "a.txt"):
            (tmp_path / name).write_bytes(b"\xff,\n1")
        before = sorted(tmp_path.iterdir())
        for path in [tmp_path / "nowhere", *before]:
            with pytest.raises(LogError, match=path.name):
                _import(importer, path, tmp_path / "out.parquet")
        assert sorted(tmp_path.iterdir()) == before


def _import(importer: Importer | CallImporter, path: Path, out: Path) -> object:
    if isinstance(importer, CallImporter):
        return import_calls(importer, path, out)
    return convert(importer, path, out)
