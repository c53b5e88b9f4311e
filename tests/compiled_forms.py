"""What routelab has in C: the forms there are, and whether this machine can compile."""

from __future__ import annotations

import shutil
import sysconfig
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

_COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]
_HEADER = Path(sysconfig.get_path("include"), "Python.h")

needs_a_compiler = pytest.mark.skipif(
    shutil.which(_COMPILER) is None or not _HEADER.exists(),
    reason=f"no {_COMPILER}, or no {_HEADER}",
)


def form_of(package: str, name: str) -> ModuleType | None:
    """A module of a package that has a compiled form; None if it was not compiled."""
    try:
        return import_module(f"{package}.{name}")
    except ImportError:
        return None


def each_form(package: str) -> pytest.MarkDecorator:
    """Tests `form` in Python and, if it was compiled, in C."""
    there = {name: it for name in ("plain", "compiled") if (it := form_of(package, name))}
    return pytest.mark.parametrize("form", there.values(), ids=there.keys())
