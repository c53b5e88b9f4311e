"""A place for packages that no other test sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from routelab.core import packages


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder on the path for packages; afterwards none was ever in use."""
    site = tmp_path / "site"
    site.mkdir()
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    monkeypatch.setattr(packages, "_used", ())
    yield site
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", "") and str(site) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]
