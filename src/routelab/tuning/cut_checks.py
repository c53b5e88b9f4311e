"""What a cut of a log must be like for a study of it to mean anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from routelab.core.messages import counted
from routelab.errors import LogError
from routelab.replay import REFUSE, WARN
from routelab.tuning.options import Options

_COMPARED = ("tune", "test")
"""Parts of which one group alone would tell nothing about others."""


def refuse_cut(name: str, groups: Mapping[str, int], share: float, options: Options) -> None:
    """Refuse a cut on which no interval can be had, and one that leaves out much of the log.

    Args:
        name: of the log.
        groups: by part, how many groups its requests are of.
        share: of the log's requests that no part has, because their group began in an earlier one.
        options: of the study; who insists on a cut in time takes what it leaves out.
    Raises:
        LogError: it is one of those.
    """
    problems = []
    if alone := [part for part in _COMPARED if groups[part] == 1]:
        problems.append(
            f"{name}: all requests of {' and of '.join(alone)} are of one group, so that nothing"
            " tells how far figures would differ on other groups; a log needs more or smaller"
            " groups, or another `group`, such as 'id'"
        )
    if share > REFUSE and options.split != "time":
        problems.append(
            f"{name}: a cut in time leaves out {share:.0%} of the requests, because their group"
            f" began in an earlier part; over {REFUSE:.0%} is refused: cut by group instead with"
            " `split='random'`, keep less together, such as `group='id'`, or insist with"
            " `split='time'`"
        )
    if problems:
        raise LogError(*problems)


def left_out(dropped: int, total: int) -> Iterator[str]:
    """Requests that a cut in time leaves out, in a sentence for the verdict where they are many.

    Args:
        dropped: requests that no part has.
        total: requests of the log.
    """
    if dropped > WARN * total:
        yield (
            f"{counted(dropped, 'request')} of {total:,} are in no part, because their group began"
            " in an earlier one: figures are of groups that were new in their part"
        )
