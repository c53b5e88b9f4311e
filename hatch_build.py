"""Compile what decides fastest; where there is no compiler, its Python form does the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

SOURCES = "src/routelab/**/_compiled.c"
HEADERS = "src/routelab"


class Compiled(BuildHookInterface):
    """Adds what is compiled to a wheel, or to the checkout that an editable install uses."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="routelab-"))
        for number, source in enumerate(sorted(Path(self.root).glob(SOURCES))):
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
