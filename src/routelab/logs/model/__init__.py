"""A log in memory: requests, outcomes, texts, and the parts it is cut into."""

from routelab.logs.model import digest
from routelab.logs.model.digest import of_hashes, of_values
from routelab.logs.model.log import Log, Requests, Strings, Texts
from routelab.logs.model.partial import PartialLog
from routelab.logs.model.paths import files, is_folder
from routelab.logs.model.problems import SHOWN, Problems
from routelab.logs.model.splits import (
    PARTS,
    SPLIT_EDGES,
    Split,
    are_many,
    came_back,
    is_uneven,
    part_sizes,
    parts_with_ties,
    split,
    split_keys,
    tie_keys,
    why_empty,
)

__all__ = [
    "PARTS",
    "SHOWN",
    "SPLIT_EDGES",
    "Log",
    "PartialLog",
    "Problems",
    "Requests",
    "Split",
    "Strings",
    "Texts",
    "are_many",
    "came_back",
    "digest",
    "files",
    "is_folder",
    "is_uneven",
    "of_hashes",
    "of_values",
    "part_sizes",
    "parts_with_ties",
    "split",
    "split_keys",
    "tie_keys",
    "why_empty",
]
