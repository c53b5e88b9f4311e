"""Policy directories: written atomically, checked on loading, run by nobody but the drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.policy_file.atomic import replace_directory
    from routelab.policy_file.card import markdown_table, policy_card, seconds_text
    from routelab.policy_file.certificate import Certificate, CertifiedBound, LaterCheck
    from routelab.policy_file.composition import compose
    from routelab.policy_file.document import SCHEMA, Document, Origin, SplitRecord
    from routelab.policy_file.files import check_target, load, write
    from routelab.policy_file.golden import Golden, golden_decisions, verify
    from routelab.policy_file.policy_file import PolicyFile, check_loaded
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "golden_decisions": "golden",
            "policy_card": "card",
            "Certificate": "certificate",
            "CertifiedBound": "certificate",
            "Document": "document",
            "Golden": "golden",
            "LaterCheck": "certificate",
            "Origin": "document",
            "PolicyFile": "policy_file",
            "SCHEMA": "document",
            "SplitRecord": "document",
            "check_loaded": "policy_file",
            "check_target": "files",
            "compose": "composition",
            "load": "files",
            "replace_directory": "atomic",
            "seconds_text": "card",
            "markdown_table": "card",
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
    "check_loaded",
    "check_target",
    "compose",
    "golden_decisions",
    "load",
    "markdown_table",
    "policy_card",
    "replace_directory",
    "seconds_text",
    "verify",
    "write",
]
