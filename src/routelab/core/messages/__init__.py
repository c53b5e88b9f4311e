"""What is said to people: numbers in words, small tables, likely names, how to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.core.messages import notebook_html, wording
    from routelab.core.messages.did_you_mean import nearest, unknown_name
    from routelab.core.messages.foreign_text import markdown_code, markdown_text, shown
    from routelab.core.messages.install_hint import how_to_install
    from routelab.core.messages.lines import brief, one_line, short_repr
    from routelab.core.messages.notebook_html import html_table
    from routelab.core.messages.wording import (
        bracketed,
        counted,
        finite_number,
        first,
        foreign,
        is_number,
        known,
        listed,
        number,
        value_text,
        with_interval,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "bracketed": "wording",
            "brief": "lines",
            "counted": "wording",
            "finite_number": "wording",
            "first": "wording",
            "foreign": "wording",
            "how_to_install": "install_hint",
            "html_table": "notebook_html",
            "is_number": "wording",
            "known": "wording",
            "listed": "wording",
            "markdown_code": "foreign_text",
            "markdown_text": "foreign_text",
            "nearest": "did_you_mean",
            "notebook_html": "",
            "number": "wording",
            "one_line": "lines",
            "short_repr": "lines",
            "shown": "foreign_text",
            "unknown_name": "did_you_mean",
            "value_text": "wording",
            "with_interval": "wording",
            "wording": "",
        },
    )

__all__ = [
    "bracketed",
    "brief",
    "counted",
    "finite_number",
    "first",
    "foreign",
    "how_to_install",
    "html_table",
    "is_number",
    "known",
    "listed",
    "markdown_code",
    "markdown_text",
    "nearest",
    "notebook_html",
    "number",
    "one_line",
    "short_repr",
    "shown",
    "unknown_name",
    "value_text",
    "with_interval",
    "wording",
]
