"""Packages laid out as an installer leaves them, without an installer or a network."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "example_kind"

FIXED = """
from routelab.core.context import Context
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Deliver, ask

class Always(Policy, frozen=True, tag="{tag}"):
    model: str

    def route(self, x):
        return Deliver((yield from ask(Call(x.last((self.model,)), final=True))))

    @property
    def models_used(self):
        return (self.model,)

    @property
    def explained(self):
        return (f"Send every request to {{self.model}}.",)
"""


def installed_example(site: Path) -> Path:
    """The example package, with the entry points that its pyproject.toml declares."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copytree(EXAMPLE / "src", site, dirs_exist_ok=True)
    return described(site, project["name"], project["version"], project["entry-points"])


def installed(site: Path, name: str, code: str, version: str = "1.0", **entries: str) -> Path:
    """A package of one module that declares entry points.

    Args:
        entries: by group, "kind = object" lines.
    """
    (site / f"{name}.py").parent.mkdir(parents=True, exist_ok=True)
    (site / f"{name}.py").write_text(code, "utf-8")
    groups = {
        f"routelab.{group}": dict(line.split(" = ") for line in lines.splitlines())
        for group, lines in entries.items()
    }
    return described(site, name.replace("_", "-"), version, groups)


def described(site: Path, name: str, version: str, groups: Mapping[str, Mapping[str, str]]) -> Path:
    """The metadata of a distribution."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(head, "utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{kind} = {value}\n" for kind, value in kinds.items())
        for group, kinds in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    return site


def always(site: Path, name: str = "acme_routing", tag: str = "always", version: str = "1.0"):
    return installed(site, name, FIXED.format(tag=tag), version, policies=f"{tag} = {name}:Always")
