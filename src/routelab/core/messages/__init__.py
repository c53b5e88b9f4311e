"""What is said to people: numbers in words, small tables, likely names, how to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.core.messages import notebook_html, wording
    from routelab.core.messages.did_you_mean import nearest, unknown_name
    from routelab.core.messages.install_hint import how_to_install
    from routelab.core.messages.notebook_html import html_table
    from routelab.core.messages.wording import (
        bracketed,
        counted,
        first,
        foreign,
        known,
        listed,
        number,
        with_interval,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "bracketed": "wording",
            "counted": "wording",
            "first": "wording",
            "foreign": "wording",
            "how_to_install": "install_hint",
            "html_table": "notebook_html",
            "known": "wording",
            "listed": "wording",
            "nearest": "did_you_mean",
            "notebook_html": "",
            "number": "wording",
            "unknown_name": "did_you_mean",
            "with_interval": "wording",
            "wording": "",
        },
    )

__all__ = [
    "bracketed",
    "counted",
    "first",
    "foreign",
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
