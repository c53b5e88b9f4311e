"""Selection: each kind is searched, compared where it was not chosen, and a point is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.selection import kind_choice, kind_results
    from routelab.tuning.selection.choice import StudyChoice, choose, searched_parts, searched_rows
    from routelab.tuning.selection.kind_choice import Rival
    from routelab.tuning.selection.kind_results import (
        PointGain,
        PointQuery,
        TriedKind,
        joint_points,
        that_gain,
        tried_kinds,
        undecided,
    )
    from routelab.tuning.selection.kind_search import KindSearch, SearchedRows, search_kinds
    from routelab.tuning.selection.stack import SURE
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "StudyChoice": "choice",
            "KindSearch": "kind_search",
            "PointGain": "kind_results",
            "PointQuery": "kind_results",
            "Rival": "kind_choice",
            "SURE": "stack",
            "SearchedRows": "kind_search",
            "TriedKind": "kind_results",
            "choose": "choice",
            "joint_points": "kind_results",
            "kind_choice": "",
            "kind_results": "",
            "search_kinds": "kind_search",
            "searched_parts": "choice",
            "searched_rows": "choice",
            "that_gain": "kind_results",
            "tried_kinds": "kind_results",
            "undecided": "kind_results",
        },
    )

__all__ = [
    "SURE",
    "KindSearch",
    "PointGain",
    "PointQuery",
    "Rival",
    "SearchedRows",
    "StudyChoice",
    "TriedKind",
    "choose",
    "joint_points",
    "kind_choice",
    "kind_results",
    "search_kinds",
    "searched_parts",
    "searched_rows",
    "that_gain",
    "tried_kinds",
    "undecided",
]
