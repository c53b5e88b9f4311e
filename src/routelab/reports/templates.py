"""The page's templates; everything that is filled in is escaped."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def fill(name: str, **values: Any) -> Markup:
    """A template with its values."""
    return Markup(_environment().get_template(name).render(**values))  # noqa: S704  (escaped)


def asset(name: str) -> Markup:
    """A file of ours, put into the page as it is."""
    text = resources.files("routelab.reports").joinpath("page", name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704  (ours)


@cache
def content_security_policy(*scripts: str) -> str:
    """What a page may do: run these files of ours, and fetch nothing.

    A text of a study that were read as markup all the same could run no script and reach no host.
    Styles stand in the page and on its drawings, and can do neither.

    Args:
        scripts: names of files that stand in the page as they are.
    """
    hashes = (b64encode(sha256(asset(name).encode()).digest()).decode() for name in scripts)
    allowed = " ".join(f"'sha256-{it}'" for it in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("routelab.reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
