"""Policy directories: written atomically, checked on loading, run by nobody but the drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.policy_file.card import card
from routelab.policy_file.golden import golden

if TYPE_CHECKING:
    from routelab.policy_file.atomic import replace_directory
    from routelab.policy_file.card import seconds, table
    from routelab.policy_file.certificate import Certificate, CertifiedBound, LaterCheck
    from routelab.policy_file.document import SCHEMA, Document, Origin, SplitRecord
    from routelab.policy_file.files import check_target, load, write
    from routelab.policy_file.golden import Golden, verify
    from routelab.policy_file.policy_file import PolicyFile
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Certificate": "certificate",
            "CertifiedBound": "certificate",
            "Document": "document",
            "Golden": "golden",
            "LaterCheck": "certificate",
            "Origin": "document",
            "PolicyFile": "policy_file",
            "SCHEMA": "document",
            "SplitRecord": "document",
            "check_target": "files",
            "load": "files",
            "replace_directory": "atomic",
            "seconds": "card",
            "table": "card",
            "verify": "golden",
            "write": "files",
        },
    )

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
    "card",
    "check_target",
    "golden",
    "load",
    "replace_directory",
    "seconds",
    "table",
    "verify",
    "write",
]
