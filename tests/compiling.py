"""Whether this machine can compile what routelab has in C."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import pytest

_COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]
_HEADER = Path(sysconfig.get_path("include"), "Python.h")

needs_a_compiler = pytest.mark.skipif(
    shutil.which(_COMPILER) is None or not _HEADER.exists(),
    reason=f"no {_COMPILER}, or no {_HEADER}",
)
