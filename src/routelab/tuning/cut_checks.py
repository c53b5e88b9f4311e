"""What a cut of a log must be like for a study of it to mean anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from routelab.core.messages import counted
from routelab.errors import LogError
from routelab.replay import REFUSE, WARN
from routelab.tuning.options import Options

_COMPARED = ("tune", "test")
"""Parts of which one group alone would tell nothing about others."""


class LogCut(Protocol):
    """What is known of a cut, whether the log is in memory or read in batches."""

    @property
    def rule(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def n(self) -> Mapping[str, int]: ...
    @property
    def n_groups(self) -> Mapping[str, int]: ...
    @property
    def dropped(self) -> int: ...
    @property
    def returned(self) -> Mapping[str, int]: ...


def refuse_cut(name: str, cut: LogCut, options: Options) -> None:
    """Refuse a cut on which no interval can be had, and one that leaves out much of the log.

    Args:
        name: of the log.
        cut: of the log.
        options: of the study; who insists on a cut in time takes what it leaves out.
    Raises:
        LogError: it is one of those.
    """
    problems = []
    if alone := [part for part in _COMPARED if cut.n_groups[part] == 1]:
        problems.append(
            f"{name}: all requests of {' and of '.join(alone)} are of one group, so that nothing"
            " tells how far figures would differ on other groups; a log needs more or smaller"
            " groups, or another `group`, such as 'id'"
        )
    if options.certify and cut.n["calibrate"] == 0:
        problems.append(
            f"{name}: no request is marked calibrate, on which certificates are proved; mark some,"
            " leave `certify` out, or cut the log with `split='time'` or 'random'"
        )
    if options.certify and (back := cut.returned.get("calibrate", 0)):
        problems.append(
            f"{name}: a certificate is proved on groups that nothing was chosen on, and"
            f" {counted(back, 'request')} of calibrate, of {cut.n['calibrate']:,}, are of a"
            f" {cut.group} that an earlier part has, too: cut by group with `split='random'`, or"
            " leave such requests out with `returning=False`"
        )
    share = cut.dropped / _total(cut)
    if share > REFUSE and options.split != "time" and options.returning:
        problems.append(
            f"{name}: a cut in time leaves out {share:.0%} of the requests, because their"
            f" {cut.group} began in an earlier part; over {REFUSE:.0%} is refused: cut by group"
            " instead with `split='random'`, keep less together, such as `group='id'`, or insist"
            " with `split='time'`"
        )
    if problems:
        raise LogError(*problems)


def left_out(cut: LogCut) -> Iterator[str]:
    """Requests that a cut leaves out, in a sentence for the verdict where they are many."""
    total = _total(cut)
    if cut.dropped > WARN * total:
        yield (
            f"{counted(cut.dropped, 'request')} of {total:,} are in no part, because their group"
            " began in an earlier one: figures are of groups that were new in their part"
        )


def came_back(cut: LogCut) -> Iterator[str]:
    """Requests of test whose group the policy was chosen on, in a sentence for the verdict."""
    back = cut.returned.get("test", 0)
    if back and cut.rule == "column":
        yield (
            f"{counted(back, 'request')} of test, of {cut.n['test']:,}, are of a {cut.group} that"
            " the column of parts puts into an earlier part, too: what was learned there may have"
            " seen them"
        )
    elif back:
        yield (
            f"{counted(back, 'request')} of test, of {cut.n['test']:,}, are of a {cut.group} that"
            " an earlier part has, too, as in production: figures hold for traffic in which as"
            " many come back"
        )


def _total(cut: LogCut) -> int:
    return cut.dropped + sum(cut.n.values())
