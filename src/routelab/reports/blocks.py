"""What a chapter is made of; every block tells itself as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from markupsafe import Markup

from routelab.core.messages import markdown_text
from routelab.reports import templates


class Block(Protocol):
    """A piece of a chapter."""

    def html(self) -> Markup:
        """For the page."""
        ...

    def markdown(self) -> str:
        """For its twin; empty where it has nothing to say in words."""
        ...


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def html(self) -> Markup:
        return Markup("<p>{}</p>").format(self.text)

    def markdown(self) -> str:
        return markdown_text(self.text)


@dataclass(frozen=True)
class Note:
    """A paragraph about what is missing or must not be overlooked."""

    text: str

    def html(self) -> Markup:
        return Markup('<p class="note">{}</p>').format(self.text)

    def markdown(self) -> str:
        return f"> {markdown_text(self.text)}"


@dataclass(frozen=True)
class Heading:
    """A heading inside a chapter."""

    text: str

    def html(self) -> Markup:
        return Markup("<h3>{}</h3>").format(self.text)

    def markdown(self) -> str:
        return f"### {markdown_text(self.text)}"


@dataclass(frozen=True)
class Bullets:
    """Sentences in a list."""

    items: Sequence[str]

    def html(self) -> Markup:
        lines = Markup("").join(Markup("<li>{}</li>").format(item) for item in self.items)
        return Markup("<ul>{}</ul>").format(lines)

    def markdown(self) -> str:
        return "\n".join(f"- {markdown_text(item)}" for item in self.items)


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: what it says.
        value: what it sorts by; None for the text.
        aside: said beside it in small print, an interval for example.
        strong: whether to stress it.
    """

    text: str
    value: float | None = None
    aside: str = ""
    strong: bool = False


@dataclass(frozen=True)
class TableBlock:
    """Rows under heads; the first column names the row, columns in `words` are text too.

    Attributes:
        caption: what the rows are.
        long: columns of sentences, which get more room.
        total: how many rows there were before the table was cut; None if it was not.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: Sequence[int] = (0,)
    total: int | None = None
    long: Sequence[int] = ()

    def html(self) -> Markup:
        return templates.fill("table.html", table=self)

    def markdown(self) -> str:
        head = [markdown_text(text) for text in self.heads]
        rule = ["---" if i in self.words else "---:" for i in range(len(head))]
        body = [[_cell(cell) for cell in row] for row in self.rows]
        lines = ["| " + " | ".join(line) + " |" for line in (head, rule, *body)]
        return f"**{markdown_text(self.caption)}**\n\n" + "\n".join(lines) + self._cut("\n\n")

    def _cut(self, before: str) -> str:
        return f"{before}{self.note}" if self.note else ""

    @property
    def note(self) -> str:
        """A sentence where rows were left out."""
        if self.total is None or self.total <= len(self.rows):
            return ""
        return f"Shown are {len(self.rows):,} of {self.total:,} rows."


@dataclass(frozen=True)
class PlotBlock:
    """A plot with its words.

    Attributes:
        title: what it shows, as a heading over it.
        alt: what a reader who cannot see it needs to know.
        svg: the plot; a second one is drawn for narrow screens if there is one.
        wide: whether it takes the whole width.
    """

    title: str
    alt: str
    svg: Markup
    narrow: Markup | None = None
    wide: bool = False

    def html(self) -> Markup:
        return templates.fill("plot.html", plot=self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return templates.fill("notebook.html", plot=self)

    def markdown(self) -> str:
        return f"*{markdown_text(self.title)}*: {markdown_text(self.alt)}"


@dataclass(frozen=True)
class Gallery:
    """Plots side by side where there is room."""

    plots: Sequence[PlotBlock]

    def html(self) -> Markup:
        inside = Markup("").join(plot.html() for plot in self.plots)
        return Markup('<div class="gallery">{}</div>').format(inside)

    def markdown(self) -> str:
        return "\n\n".join(plot.markdown() for plot in self.plots)


@dataclass(frozen=True)
class Chapter:
    """A part of the report under one heading.

    Attributes:
        key: its anchor.
    """

    key: str
    title: str
    blocks: Sequence[Block]

    def markdown(self) -> str:
        """The chapter for the twin."""
        texts = (block.markdown() for block in self.blocks)
        return "\n\n".join([f"## {markdown_text(self.title)}", *(text for text in texts if text)])


def _cell(cell: Cell) -> str:
    text = markdown_text(cell.text)
    text = f"**{text}**" if cell.strong else text
    return f"{text} [{markdown_text(cell.aside)}]" if cell.aside else text
