"""The site is built without a warning, needs nobody else, and holds every page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser loads by itself, and where from."""
EMPTY = {"canonical", "next", "prev"}
"""Links that say something and load nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    to = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(to)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return to


class Fetched(HTMLParser):
    """Addresses that a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in FETCHED and given.get("rel") not in EMPTY:
            self.found.append(given.get(FETCHED[tag]) or "")


def fetched(html: str) -> list[str]:
    parser = Fetched()
    parser.feed(html)
    return parser.found


def elsewhere(address: str) -> bool:
    return bool(re.match(r"(https?:)?//", address))


def test_every_page_is_in_the_site_and_in_its_navigation(site):
    home = (site / "index.html").read_text(encoding="utf-8")
    for page in sorted((PROJECT / "docs").rglob("*.md")):
        name = page.relative_to(PROJECT / "docs").with_suffix(".html").as_posix()
        assert (site / name).exists()
        assert name == "index.html" or f'href="{name}"' in home, f"{name} is not in the navigation"


def test_a_page_loads_nothing_from_elsewhere(site):
    assert elsewhere("https://fonts.example/a.css")
    assert elsewhere("//cdn.example/a.js")
    pages = sorted(site.rglob("*.html"))
    assert pages
    for page in pages:
        found = fetched(page.read_text(encoding="utf-8"))
        assert found
        assert [it for it in found if elsewhere(it)] == [], page.name


def test_style_sheets_load_nothing_from_elsewhere(site):
    sheets = sorted(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^\"')]+", text) == []


def test_no_script_of_ours_is_published(site):
    assert list(site.rglob("*.py")) == []
