"""Policy directories: written atomically, checked on loading, run by nobody but the drivers."""

from routelab.policy_file.atomic import replace_directory
from routelab.policy_file.certificate import Certificate, Goal, Later
from routelab.policy_file.document import SCHEMA, Document, Origin, SplitRecord
from routelab.policy_file.files import check_target, load, write
from routelab.policy_file.golden import Golden, golden, verify
from routelab.policy_file.loaded import PolicyFile

__all__ = [
    "SCHEMA",
    "Certificate",
    "Document",
    "Goal",
    "Golden",
    "Later",
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
