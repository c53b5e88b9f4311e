"""The page's files, which ship in the package, and the headers that keep everything else out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_MEDIA = {
    "status.html": "text/html; charset=utf-8",
    "status.css": "text/css; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFETY: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Only our own files run and are asked, no other page frames them, and nobody is told of them."""


class PageFile(NamedTuple):
    """A file as it is sent.

    Attributes:
        content: its bytes.
        media: its type.
        headers: that go with it.
    """

    content: bytes
    media: str
    headers: Mapping[str, str]


@cache
def page_files() -> Mapping[str, PageFile]:
    """The files by their names, read once."""
    folder = files("routelab.serve.status") / "page"
    found = {}
    for name, media in _MEDIA.items():
        content = (folder / name).read_bytes()
        tag = hashlib.sha256(content).hexdigest()[:32]
        headers = {**SAFETY, "cache-control": "no-cache", "etag": f'"{tag}"'}
        found[name] = PageFile(content, media, headers)
    return found
