"""Packages that bring kinds of their own, found by entry point and imported only when named.

A file may ask for a kind that an installed package declares. Reading a file must not run code
that the file chose, so nothing is imported until the caller names the package: `use("acme")`, or
`packages=["acme"]` of what calls it. What was named stays named for the whole process. That is no
secret state that a load leaves behind: an import cannot be undone either, the list only grows, and
one wire form means the same to all who read it in a process, also to reports, cards and trackers
that meet it far from the call that named the package. Two packages that would make it mean two
things are refused together. Processes that are started anew name their packages anew; policies
that are pickled to them need none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from routelab.core.messages import nearest
from routelab.errors import PackageError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUPS = "routelab."
"""How the name of each of routelab's entry point groups begins."""

REGISTRIES: Mapping[str, str | None] = {
    "routelab.policies": "routelab.policies",
    "routelab.gates": "routelab.gates",
    "routelab.graders": "routelab.graders",
    "routelab.scorers": "routelab.scorers",
    "routelab.calibrators": "routelab.scorers.calibrators",
    "routelab.features": "routelab.signals.features",
    "routelab.signals": "routelab.signals",
    "routelab.importers": None,
    "routelab.tuners": None,
    "routelab.redactions": None,
}
"""Which module has the `REGISTRY` of a group; None for those that are read at their first use,
because a request or a replay needs none of what they import (pyarrow, learning)."""


class Package(NamedTuple):
    """An installed distribution that brings kinds.

    Attributes:
        name, version: of the distribution.
        entries: what it declares, in groups that begin with "routelab.".
    """

    name: str
    version: str
    entries: tuple[EntryPoint, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def brings(self) -> str:
        """Its kinds by group, for people."""
        groups: dict[str, list[str]] = {}
        for entry in self.entries:
            groups.setdefault(entry.group.removeprefix(GROUPS), []).append(entry.name)
        kinds = (f"{group} {', '.join(sorted(names))}" for group, names in sorted(groups.items()))
        return f"{self} brings {'; '.join(kinds)}"

    @property
    def names(self) -> frozenset[str]:
        """Under which it may be named: the distribution's, and those of what is imported."""
        modules = (entry.module.split(".") for entry in self.entries)
        dotted = {".".join(parts[:n]) for parts in modules for n in range(1, len(parts) + 1)}
        return frozenset(map(normalised, {self.name, *dotted}))

    def declares(self, group: str) -> Iterator[EntryPoint]:
        """Its kinds of one group."""
        return (entry for entry in self.entries if entry.group == group)


_lock = Lock()  # of the list alone: an import under it could wait for a thread that waits for it
_used: tuple[Package, ...] = ()


def used() -> tuple[Package, ...]:
    """The packages that were named so far; a new tuple whenever one is added."""
    return _used


def use(*names: str) -> None:
    """Import what these packages declare, and know their kinds from now on.

    Args:
        names: of distributions or of what is imported, in any spelling ("acme-routing",
            "acme_routing"). One that is in use already changes nothing.
    Raises:
        PackageError: no such package is installed, it declares nothing, cannot be imported, or
            brings what does not fit or what another brings too; then nothing has changed.
    """
    global _used
    added = _added(names)
    while True:
        before = _used
        here = {package.name for package in before}
        new = tuple(package for package in added if package.name not in here)
        if not new:
            return
        packages = (*before, *new)
        for module in _modules(new):
            import_module(module).REGISTRY.read(packages)  # raises before anything has changed
        with _lock:
            if _used is before:  # else what was imported, or another thread, has added to it
                _used = packages
                return


def use_listed(names: Iterable[str]) -> None:
    """As `use`, for an argument `packages` of any type that a caller may have given.

    Raises:
        PackageError: as for `use`; or it is no list of names.
    """
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        such = [names] if isinstance(names, str) and names else ["acme"]
        raise PackageError(f"packages={names!r}: give a list of names, such as {such!r}")
    use(*_checked(names, "packages", "['acme']"))


def _checked(names: Iterable[object], argument: str, such: str) -> Iterator[str]:
    for name in names:
        if not isinstance(name, str):
            raise PackageError(
                f"{argument}: {name!r} is no name; give a list of names, such as {such}"
            )
        yield name


def _added(names: tuple[str, ...]) -> tuple[Package, ...]:
    """The packages of these names that are not in use."""
    wanted = {package.name: package for package in _used}
    there = None
    for name in _checked(names, "names", "use('acme', 'other')"):
        if normalised(name) not in wanted:
            there = there or _installed()
            package = _named(name, wanted, *there)
            _check_groups(package)
            wanted[package.name] = package
    return tuple(package for package in wanted.values() if package not in _used)


def _check_groups(package: Package) -> None:
    for entry in package.entries:
        if entry.group not in REGISTRIES:
            groups = [group.removeprefix(GROUPS) for group in REGISTRIES]
            near = nearest(entry.group.removeprefix(GROUPS), groups)
            meant = f"write {GROUPS + near!r}; " if near else ""
            raise PackageError(
                f"{package}: no entry point group {entry.group!r}; {meant}there is"
                f" {', '.join(REGISTRIES)}"
            )


def _modules(packages: tuple[Package, ...]) -> list[str]:
    """The modules that read what these packages declare."""
    groups = {entry.group for package in packages for entry in package.entries}
    return [module for group, module in REGISTRIES.items() if group in groups and module]


def installed() -> dict[str, Package]:
    """Installed packages that declare kinds, by name; reads metadata and imports none of them.

    One whose metadata cannot be read is left out: only who names it has to know.
    """
    return _installed()[0]


def _installed() -> tuple[dict[str, Package], dict[str, str]]:
    """Packages that declare kinds, and why others cannot be read, by name."""
    from importlib.metadata import distributions  # slow, and rarely needed

    found: dict[str, Package] = {}
    broken: dict[str, str] = {}
    for distribution in distributions():
        name = None
        try:
            name = normalised(distribution.name)
            package = _described(name, distribution)
        except Exception as error:  # noqa: BLE001  (metadata may be cut, or of any bytes)
            if name is not None:
                broken.setdefault(name, f"{type(error).__name__}: {error}")
            continue
        if package.entries:
            found.setdefault(name, package)  # as on the path
    return dict(sorted(found.items())), broken


def _described(name: str, distribution: Distribution) -> Package:
    entries = tuple(it for it in distribution.entry_points if it.group.startswith(GROUPS))
    for entry in entries:
        if not entry.pattern.match(entry.value):
            raise ValueError(f"{entry.name!r} is {entry.value!r}, which is no module:object")
    if entries and not isinstance(distribution.version, str):
        raise ValueError("METADATA gives no version")
    return Package(name, distribution.version if entries else "", entries)


def normalised(name: str) -> str:
    """A distribution's name, spelled as an index does.

    Source: PEP 503.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(
    name: str,
    wanted: Mapping[str, Package],
    there: Mapping[str, Package],
    broken: Mapping[str, str],
) -> Package:
    """The distribution of a name, or else the one that has what is imported under it."""
    own = normalised(name)
    if own in there:
        return there[own]
    if own in broken:
        raise PackageError(
            f"package {name!r} is installed, but its metadata cannot be read ({broken[own]});"
            " install it again"
        )
    for packages in (wanted, there):
        found = [package for package in packages.values() if own in package.names]
        if len(found) == 1:
            return found[0]
        if found:
            both = " and ".join(map(str, found))
            raise PackageError(f"package {name!r} is part of {both}; name one of these")
    known = "; ".join(package.brings for package in there.values()) or "no such package"
    raise PackageError(
        f"package {name!r}: no distribution or module of this name declares kinds for routelab"
        f" (entry points of groups such as {GROUPS}policies); installed: {known}"
    )
