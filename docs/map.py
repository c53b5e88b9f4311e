"""Write `MAP.md` at the root from the packages' docstrings: `python docs/map.py`."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src" / "routelab"
PAGE = PROJECT / "MAP.md"
OPENING = """# Map

Every folder of `src/routelab` and the question it answers, layer by layer: an import points down,
from a layer to those below it. Made from the packages' docstrings and the layers in
`pyproject.toml` by `python docs/map.py`. `tests/` has the same folders, or the one above;
whole-system suites are in `tests/suites`. [CONTRIBUTING.md](CONTRIBUTING.md) says where a new
kind of anything goes.
"""


def layers() -> list[list[str]]:
    """The parts of routelab, top layer first, as import-linter is told of them."""
    config = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    (found,) = (
        it["layers"]
        for it in config["tool"]["importlinter"]["contracts"]
        if it["type"] == "layers" and it["containers"] == ["routelab"]
    )
    return [[name.strip(" ()") for name in layer.split("|")] for layer in found]


def folders(top: Path) -> Iterator[Path]:
    """A folder and those in it, in the order of their names; without what Python compiled there."""
    if any(path.is_file() and "__pycache__" not in path.parts for path in top.rglob("*")):
        yield top
    for path in sorted(top.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            yield from folders(path)


def meaning(path: Path) -> str:
    """The first line of a module's or package's docstring; the kinds of files where there is none.

    Raises:
        ValueError: the first line is no sentence.
    """
    module = path / "__init__.py" if path.is_dir() else path
    if not module.exists():
        kinds = sorted({f"`{it.suffix}`" for it in path.iterdir()})
        return f"Files that are no code: {', '.join(kinds)}."
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    line = text.split("\n")[0]
    if not line.endswith("."):
        raise ValueError(f"{module}: its docstring begins with no sentence of one line: {line!r}")
    return line


def page() -> str:
    """The whole map."""
    chapters = [OPENING]
    for number, layer in enumerate(layers(), 1):
        there = {name: rows for name in layer if (rows := list(_rows(name)))}
        missing = [name for name in layer if name not in there]
        note = f"(to come: {', '.join(missing)})" if missing else ""
        rows = [row for each in there.values() for row in each]
        table = ["", "| folder | answers |", "|---|---|", *rows] if rows else []
        heading = " ".join(filter(None, [f"## {number}.", ", ".join(there), note]))
        chapters.append("\n".join([heading, *table, ""]))
    return "\n".join(chapters)


def _rows(name: str) -> Iterator[str]:
    """Of a part and the folders in it; none of a part that is still to come."""
    if (module := SOURCE / f"{name}.py").exists():
        yield _row(f"{name}.py", module)
    elif (top := SOURCE / name).is_dir():
        for folder in folders(top):
            yield _row(folder.relative_to(SOURCE).as_posix(), folder)


def _row(name: str, path: Path) -> str:
    return f"| [`{name}`]({path.relative_to(PROJECT).as_posix()}) | {meaning(path)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
