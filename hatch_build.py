"""Compile what decides fastest, where there is a compiler, and list what a wheel is made of."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.requirements import Requirement  # which hatchling brings
from setuptools import Distribution, Extension

SOURCES = "src/routelab/**/_compiled.c"
HEADERS = "src/routelab"


class Compiled(BuildHookInterface):
    """Adds what is compiled to a wheel, or to the checkout that an editable install uses."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="routelab-"))
        sources = sorted(Path(self.root).glob(SOURCES))
        if version != "editable":
            listed = self._folder / "routelab.cdx.json"
            listed.write_text(self._materials(sources), encoding="utf-8")
            build_data["sbom_files"].append(str(listed))
        for number, source in enumerate(sources):
            built = _built(source, Path(self.root, HEADERS), self._folder / str(number))
            try:
                if version == "editable":
                    _place(source, built)
                elif built is not None:
                    place = source.with_name(built.name).relative_to(Path(self.root, "src"))
                    build_data["force_include"][str(built)] = place.as_posix()
                    build_data.update(pure_python=False, infer_tag=True)
            except OSError as error:
                built = None
                self.app.display_warning(f"{source.parent}: {error}")
            if built is None:
                self.app.display_warning(
                    f"{source} is not compiled: learned decisions take two to five times as long"
                )

    def _materials(self, sources: Sequence[Path]) -> str:
        """What the wheel needs and was compiled from, as a CycloneDX list (PEP 770).

        Neither time nor place stands in it: the same source gives the same bytes.
        """
        core, ref = self.metadata.core, f"pkg:pypi/routelab@{self.metadata.version}"
        needed = [Requirement(it) for it in core.dependencies]
        extras = [(name, Requirement(it)) for name, held in core.optional_dependencies.items()
                  for it in held]  # fmt: skip
        required = {it.name for it in needed}
        wanted: dict[str, list[str]] = {}
        for extra, it in [*(("", one) for one in needed), *extras]:
            if it.name != "routelab":
                said = f"{it.specifier or 'any'}{f' for the extra {extra}' if extra else ''}"
                wanted.setdefault(it.name, []).append(said)
        packages = [
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{name}",
                "name": name,
                "purl": f"pkg:pypi/{name}",
                "scope": "required" if name in required else "optional",
                "properties": [{"name": "routelab:version", "value": it} for it in sorted(said)],
            }
            for name, said in sorted(wanted.items())
        ]
        files = [
            {
                "type": "file",
                "name": source.relative_to(self.root).as_posix(),
                "hashes": [{"alg": "SHA-256", "content": sha256(source.read_bytes()).hexdigest()}],
            }
            for source in sources
        ]
        listed = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": {
                    "type": "library",
                    "bom-ref": ref,
                    "name": "routelab",
                    "version": self.metadata.version,
                    "purl": ref,
                    "licenses": [{"expression": core.license_expression}],
                }
            },
            "components": [*packages, *files],
            "dependencies": [{"ref": ref, "dependsOn": [it["bom-ref"] for it in packages]}],
        }
        number = uuid5(NAMESPACE_URL, json.dumps(listed, sort_keys=True))
        return json.dumps({**listed, "serialNumber": f"urn:uuid:{number}"}, indent=2) + "\n"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _place(source: Path, built: Path | None) -> None:
    """Put the module beside its source, whole, for a process may have the last one loaded."""
    if built is None:
        for old in _modules(source.parent, source.stem):  # of a source that has changed since
            old.unlink()
    else:
        copy = Path(shutil.copy(built, source.with_name(f"{built.name}.new")))
        copy.replace(source.with_name(built.name))


def _built(source: Path, headers: Path, folder: Path) -> Path | None:
    """The module made of a source; None if it cannot be compiled here."""
    flags = [] if os.name == "nt" else ["-ffp-contract=off"]  # or sums would round otherwise
    module = Extension(
        source.stem,
        [str(source)],
        include_dirs=[str(headers)],
        extra_compile_args=flags,
        optional=True,
    )
    command = Distribution({"ext_modules": [module]}).get_command_obj("build_ext")
    folder.mkdir()
    command.build_lib, command.build_temp = str(folder), str(folder / "objects")
    command.ensure_finalized()
    command.run()
    return next(_modules(folder, source.stem), None)


def _modules(folder: Path, name: str) -> Iterator[Path]:
    """Files from which the running Python can import a compiled module."""
    return (it for suffix in EXTENSION_SUFFIXES if (it := folder / f"{name}{suffix}").exists())
