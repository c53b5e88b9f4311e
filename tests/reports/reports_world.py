"""A small study's data, to be spoiled, and a reader for pages."""

from __future__ import annotations

import copy
from html.parser import HTMLParser
from typing import Any

import msgspec

from routelab.tuning import Study
from routelab.tuning.study.export import as_json

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use"}


def data_of(study: Study) -> dict[str, Any]:
    """A study's data as they are stored: through JSON, and free to be changed."""
    return copy.deepcopy(msgspec.json.decode(msgspec.json.encode(as_json(study))))


class Page(HTMLParser):
    """What a page holds: text, open tags by name, links to elsewhere, and tags left open."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def whole(self) -> bool:
        """Whether every tag that was opened was closed in its turn."""
        return not self.open and not self.wrong

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
