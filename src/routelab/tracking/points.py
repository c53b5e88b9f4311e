"""The points of a study that get a run of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from routelab.stats import thinned
from routelab.tracking import names

LIMIT = 10
"""Runs below a study's: as many as a table shows at once."""


class LoggedPoint(NamedTuple):
    """A policy of the front, or one that the study chose.

    Attributes:
        name: its place by rising cost, its models, and why it was chosen.
        key: the same for the same point of the same study.
        policy: wire form.
        tune: means on the tune part.
        test: figures on the test part; empty unless the point was chosen.
        roles: operating points that it is; the exported one says so.
    """

    name: str
    key: str
    policy: Mapping[str, Any]
    tune: Mapping[str, float]
    test: Mapping[str, Any]
    roles: tuple[str, ...]


def points(summary: Mapping[str, Any], limit: int = LIMIT) -> list[LoggedPoint]:
    """The operating points, and others evenly along the front, by rising cost on tune."""
    chosen = _chosen(summary["operating_points"])
    known = [entry[0] for entry in chosen]
    rest: list[Any] = [
        (it["policy"], {key: it[key] for key in ("usd_per_1k", "quality")}, {}, ())
        for it in summary["front"]
        if it["policy"] not in known
    ]
    listed = [*chosen, *thinned(rest, limit - len(chosen))]
    listed.sort(key=lambda entry: (entry[1]["usd_per_1k"], entry[1]["quality"]))
    return [_point(index + 1, *entry) for index, entry in enumerate(listed)]


def _chosen(operating: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any, Any, tuple[str, ...]]]:
    """Operating points, those that are one policy told once; the first one is exported."""
    found: list[tuple[Any, Any, Any, tuple[str, ...]]] = []
    for index, it in enumerate(operating):
        roles = (it["name"], "exported") if index == 0 else (it["name"],)
        same = next((i for i, entry in enumerate(found) if entry[0] == it["policy"]), None)
        if same is None:
            found.append((it["policy"], it["tune"], it["test"], roles))
        else:
            found[same] = (*found[same][:3], found[same][3] + roles)
    return found


def _point(
    place: int, policy: Any, tune: Any, test: Mapping[str, Any], roles: tuple[str, ...]
) -> LoggedPoint:
    why = f" ({', '.join(roles)})" if roles else ""
    return LoggedPoint(
        f"{place:02d} {names.policy(policy)}{why}", str(place), policy, tune, test, roles
    )
