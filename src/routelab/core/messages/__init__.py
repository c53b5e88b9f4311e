"""What is said to people: numbers in words, small tables, likely names, how to install."""

from routelab.core.messages import notebook_html, wording
from routelab.core.messages.did_you_mean import nearest, unknown_name
from routelab.core.messages.install_hint import how_to_install
from routelab.core.messages.notebook_html import html_table
from routelab.core.messages.wording import (
    bracketed,
    counted,
    first,
    known,
    listed,
    number,
    with_interval,
)

__all__ = [
    "bracketed",
    "counted",
    "first",
    "how_to_install",
    "html_table",
    "known",
    "listed",
    "nearest",
    "notebook_html",
    "number",
    "unknown_name",
    "with_interval",
    "wording",
]
