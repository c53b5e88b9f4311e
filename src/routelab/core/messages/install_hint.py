"""How to get what an extra of routelab brings, from where this very routelab came."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

NAME = "routelab"


def how_to_install(extra: str) -> str:
    """The command that adds an extra to this installation.

    An installation remembers its origin: a checkout, a wheel, a repository, or else a package
    index. Asking an index for what came from elsewhere would fail, or bring what a stranger
    put there under the name. Without an origin, as of sources on the path, or where its folder
    is gone, the command is that of a checkout.

    Source: PEP 610, `direct_url.json`.
    """
    from importlib.metadata import Distribution, PackageNotFoundError  # slow, and rarely needed

    try:
        record = Distribution.from_name(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return _anywhere(extra)
    if record is None:
        return f"pip install '{NAME}[{extra}]'"
    return _again(msgspec.json.decode(record), extra)


def _again(origin: dict[str, Any], extra: str) -> str:
    import shlex  # rarely needed

    url = str(origin["url"])
    if version := origin.get("vcs_info"):
        url = f"{version['vcs']}+{url}@{version['commit_id']}"
    elif urlsplit(url).scheme == "file":
        place = Path(unquote(urlsplit(url).path))
        editable = "--editable " if origin.get("dir_info", {}).get("editable") else ""
        found = f"pip install {editable}{shlex.quote(f'{place}[{extra}]')}"
        return found if place.exists() else _anywhere(extra)
    return f"pip install {shlex.quote(f'{NAME}[{extra}] @ {url}')}"


def _anywhere(extra: str) -> str:
    return f"pip install '.[{extra}]' in a checkout of {NAME}"
