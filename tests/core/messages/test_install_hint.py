"""An extra is installed from where routelab itself came."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from routelab.core.messages.install_hint import how_to_install

COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
PROJECT = Path(__file__).parents[3]
IN_A_CHECKOUT = "pip install '.[lab]' in a checkout of routelab"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes this a process in which routelab was installed from an origin."""

    def install(origin):
        folder = tmp_path / "site" / "routelab-9.9.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.4\nName: routelab\nVersion: 9.9\n")
        if origin is not None:
            (folder / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.setattr(sys, "path", [str(folder.parent)])

    return install


@pytest.mark.parametrize(
    ("info", "options"),
    [({}, ""), ({"editable": False}, ""), ({"editable": True}, "--editable ")],
)
def test_from_a_checkout(installed, tmp_path, info, options):
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    installed({"url": checkout.as_uri(), "dir_info": info})
    assert how_to_install("lab") == f"pip install {options}'{checkout}[lab]'"


def test_from_a_checkout_that_is_gone(installed, tmp_path):
    installed({"url": (tmp_path / "gone").as_uri(), "dir_info": {}})
    assert how_to_install("lab") == IN_A_CHECKOUT


def test_from_a_wheel_in_a_file(installed, tmp_path):
    wheel = tmp_path / "routelab-9.9-py3-none-any.whl"
    wheel.touch()
    installed({"url": wheel.as_uri(), "archive_info": {}})
    assert how_to_install("serve") == f"pip install '{wheel}[serve]'"


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        (
            {"url": "https://git.test/it.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"git+https://git.test/it.git@{COMMIT}",
        ),
        ({"url": "https://files.test/it.whl", "archive_info": {}}, "https://files.test/it.whl"),
    ],
)
def test_from_a_repository_or_a_server(installed, origin, source):
    installed(origin)
    assert how_to_install("dask") == f"pip install 'routelab[dask] @ {source}'"


def test_from_an_index(installed):
    installed(None)
    assert how_to_install("lab") == "pip install 'routelab[lab]'"


def test_from_sources_that_were_never_installed(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert how_to_install("lab") == IN_A_CHECKOUT


def test_nothing_else_says_how_to_install_and_pages_install_from_a_checkout():
    sources = [path for path in (PROJECT / "src").rglob("*.py") if path.name != "install_hint.py"]
    assert not [path for path in sources if "pip install" in path.read_text(encoding="utf-8")]
    pages = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]
    assert not [path for path in pages if "routelab[" in path.read_text(encoding="utf-8")]
