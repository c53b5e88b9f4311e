"""The page of failures is the table that the runtime goes by."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

from routelab.runtime.attempts.failures import FAILURES

DOCS = Path(__file__).parents[2] / "docs"
failures = SimpleNamespace(**runpy.run_path(str(DOCS / "failures.py")))


def test_the_page_is_the_table_of_the_runtime():
    written = (DOCS / "failures.md").read_text(encoding="utf-8")
    assert written == failures.page(), "docs/failures.md is stale: python docs/failures.py"


def test_every_class_and_every_word_is_on_the_page():
    page = failures.page()
    for failure in FAILURES:
        assert f"| `{failure.name}` | {failure.means} | {failure.fault} |" in page
        assert all(f"`{code}`" in page for code in failure.codes)
