"""A log in memory: requests, outcomes, texts, and the parts it is cut into."""

from routelab.logs.model import digest
from routelab.logs.model.digest import of_hashes, of_values
from routelab.logs.model.log import Log, Requests, Strings, Texts
from routelab.logs.model.marks import marked_parts
from routelab.logs.model.partial import PartialLog
from routelab.logs.model.paths import files, is_folder
from routelab.logs.model.problems import SHOWN, Problems
from routelab.logs.model.splits import (
    NEEDED,
    PARTS,
    SEARCHED_PARTS,
    SPLIT_EDGES,
    Rule,
    Split,
    are_many,
    came_back,
    fill_unmarked,
    is_uneven,
    part_sizes,
    parts_with_ties,
    split,
    split_keys,
    tie_keys,
    unmarked_text,
    why_empty,
)

__all__ = [
    "NEEDED",
    "PARTS",
    "SEARCHED_PARTS",
    "SHOWN",
    "SPLIT_EDGES",
    "Log",
    "PartialLog",
    "Problems",
    "Requests",
    "Rule",
    "Split",
    "Strings",
    "Texts",
    "are_many",
    "came_back",
    "digest",
    "files",
    "fill_unmarked",
    "is_folder",
    "is_uneven",
    "marked_parts",
    "of_hashes",
    "of_values",
    "part_sizes",
    "parts_with_ties",
    "split",
    "split_keys",
    "tie_keys",
    "unmarked_text",
    "why_empty",
]
