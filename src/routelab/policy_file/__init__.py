"""Policy directories: written atomically, checked on loading, run by nobody but the drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.policy_file.certificate import Certificate, CertifiedBound, LaterCheck
from routelab.policy_file.document import SCHEMA, Document, Origin, SplitRecord
from routelab.policy_file.files import check_target, load, write
from routelab.policy_file.golden import Golden, golden, verify
from routelab.policy_file.policy_file import PolicyFile

if TYPE_CHECKING:
    from routelab.policy_file.atomic import replace_directory
else:
    __getattr__, __dir__ = attach(__name__, {"replace_directory": "atomic"})

__all__ = [
    "SCHEMA",
    "Certificate",
    "CertifiedBound",
    "Document",
    "Golden",
    "LaterCheck",
    "Origin",
    "PolicyFile",
    "SplitRecord",
    "check_target",
    "golden",
    "load",
    "replace_directory",
    "verify",
    "write",
]
