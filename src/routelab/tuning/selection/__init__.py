"""Selection of a kind: each is searched on tune, and compared where it was not chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.selection import kind_choice, kind_results
    from routelab.tuning.selection.kind_choice import TIE, Rival
    from routelab.tuning.selection.kind_results import PointQuery, TriedKind, that_gain, tried_kinds
    from routelab.tuning.selection.kind_search import KindSearch, search_kinds
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "KindSearch": "kind_search",
            "PointQuery": "kind_results",
            "Rival": "kind_choice",
            "TIE": "kind_choice",
            "TriedKind": "kind_results",
            "kind_choice": "",
            "kind_results": "",
            "search_kinds": "kind_search",
            "that_gain": "kind_results",
            "tried_kinds": "kind_results",
        },
    )

__all__ = [
    "TIE",
    "KindSearch",
    "PointQuery",
    "Rival",
    "TriedKind",
    "kind_choice",
    "kind_results",
    "search_kinds",
    "that_gain",
    "tried_kinds",
]
