"""Writing a report where the drawing packages may be missing: never at the study's cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from routelab.cli.console import tell
from routelab.cli.flags import with_flags
from routelab.core.messages import how_to_install
from routelab.core.storage import replacing
from routelab.errors import RoutelabError

if TYPE_CHECKING:
    from routelab.reports import Report


def report_path(name: str, given: Path | None) -> Path:
    """The file that a policy's report goes to.

    Args:
        name: of the policy.
        given: file that was asked for; None takes `reports/NAME.html`.
    Raises:
        RoutelabError: the given name is not one of an HTML file.
    """
    path = given or Path("reports") / f"{name}.html"
    if path.suffix != ".html" or path.is_dir():
        raise RoutelabError(f"{path}: a report is a file NAME.html, with NAME.md beside it")
    return path


def write_report(data: Mapping[str, Any], path: Path) -> None:
    """Write the report at `path` and its Markdown twin beside it.

    Sentences of the study name options as this command line has them.

    Raises:
        RoutelabError: the data are not a study's, or a file cannot be written.
        ModuleNotFoundError: the packages that draw are not installed.
    """
    from routelab.reports import render

    said = {
        name: [with_flags(text) for text in data[name]]
        for name in ("reasons", "notes")
        if data.get(name)
    }
    write(render({**data, **said}), path)


def write(report: Report, path: Path) -> None:
    """Write a report as HTML and as Markdown.

    Raises:
        RoutelabError: a file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, report.html)
        _replace(path.with_suffix(".md"), report.markdown)
    except OSError as error:
        raise RoutelabError(f"{path}: cannot write the report ({error.strerror})") from error


def reported(data: Mapping[str, Any], path: Path) -> Path | None:
    """Write the report of a study that is already stored.

    Returns:
        Where it is; None if it could not be written, which is printed and not raised.
    """
    try:
        write_report(data, path)
    except ModuleNotFoundError as error:
        tell(f"no report: {error.name} is not installed ({how_to_install('lab')})")
    except Exception as error:  # noqa: BLE001  (whatever drawing raises, the study is safe)
        tell(f"no report: {error}")
    else:
        return path
    return None


def report_note(path: Path | None) -> str:
    """A line that says where the report is, for the end of a command's output."""
    return "" if path is None else escape(f"\nreport: {path}")


def _replace(path: Path, content: bytes) -> None:
    with replacing(path) as fresh:
        fresh.write_bytes(content)
        fresh.chmod(0o644)
