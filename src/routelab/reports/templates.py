"""The page's templates; everything that is filled in is escaped."""

from __future__ import annotations

from functools import cache
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
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("routelab.reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
