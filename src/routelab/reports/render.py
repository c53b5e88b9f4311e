"""From a study's plain data to a page and its Markdown twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from routelab.core.messages import markdown_text
from routelab.reports import templates
from routelab.reports.blocks import Chapter
from routelab.reports.chapters import (
    Opening,
    bounds_chapter,
    certificate_chapter,
    choice_chapter,
    cut_short,
    kinds_chapter,
    losses_chapter,
    objectives_chapter,
    opening_chapter,
    origin,
    scorers_chapter,
    search_chapter,
    seeds_chapter,
    signal,
    thresholds_chapter,
    traffic_chapter,
    trust_chapter,
)
from routelab.reports.summary import read

CHAPTERS = (
    choice_chapter,
    kinds_chapter,
    bounds_chapter,
    objectives_chapter,
    certificate_chapter,
    thresholds_chapter,
    signal,
    scorers_chapter,
    traffic_chapter,
    losses_chapter,
    search_chapter,
    trust_chapter,
    seeds_chapter,
    origin,
)
"""In the order of the page; a chapter more is a function more. One that has nothing to tell of
a study gives None."""


class Report(NamedTuple):
    """A report in its two forms.

    Attributes:
        html: one file that needs no other.
        markdown: the same text and tables, without plots.
    """

    html: bytes
    markdown: bytes


def render(data: Mapping[str, Any]) -> Report:
    """The report of a study; the same data give the same bytes.

    Args:
        data: what `routelab.tuning.study.export.as_json` gives, or `study.json` holds.
    Raises:
        RoutelabError: the data are not a study's.
    """
    summary = read(data)
    first = opening_chapter(summary)
    drawn = (chapter(summary) for chapter in CHAPTERS)
    chapters = [chapter for chapter in drawn if chapter is not None]
    return pages(first, chapters, [*cut_short(summary), *summary.missing])


def pages(first: Opening, chapters: Sequence[Chapter], missing: Sequence[str]) -> Report:
    """A first screen and its chapters in both forms.

    Args:
        missing: what a reader must not overlook, told before the figures.
    """
    return Report(
        _html(first, chapters, missing).encode(errors="replace"),
        _markdown(first, chapters, missing).encode(errors="replace"),
    )


def _html(first: Opening, chapters: Sequence[Chapter], missing: Sequence[str]) -> str:
    return templates.fill(
        "page.html",
        first=first,
        chapters=chapters,
        missing=missing,
        style=templates.asset("page.css"),
        script=templates.asset("page.js"),
        policy=templates.content_security_policy("page.js", "explorer.js"),
    )


def _markdown(first: Opening, chapters: Sequence[Chapter], missing: Sequence[str]) -> str:
    figures = [f"- {it.label}: **{it.value}** ({it.aside})" for it in first.figures]
    parts = [
        f"# {markdown_text(first.name)}: {first.word}",
        markdown_text(first.sentence),
        "\n".join(figures),
        "\n".join(f"- {markdown_text(reason)}" for reason in first.reasons),
        "\n".join(f"- {markdown_text(text)}" for text in first.tried),
        "\n".join(f"{i + 1}. {markdown_text(step)}" for i, step in enumerate(first.route)),
        "\n".join(f"> {markdown_text(text)}" for text in missing),
        *(chapter.markdown() for chapter in chapters),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
