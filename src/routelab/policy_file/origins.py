"""Which packages bring the kinds that a policy directory names, and whether they are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from routelab import gates, policies, signals
from routelab.core import Package, Policy, Registry, normalised, packages, tag_of
from routelab.errors import PolicyError, UnnamedPackageError
from routelab.policy_file.document import Document, Origin
from routelab.scorers import REGISTRY as SCORERS
from routelab.scorers import calibrators
from routelab.signals import features


def origins(document: Document, policy: Policy) -> dict[str, Origin]:
    """By package, what the document names that routelab itself does not bring."""
    found: dict[Package, set[str]] = {}
    for registry, kind in _named(document, policy):
        if (package := registry.package_of(kind)) is not None:
            found.setdefault(package, set()).add(f"{registry.noun} {kind!r}")
    return {
        package.name: Origin(package.version, tuple(sorted(kinds)))
        for package, kinds in sorted(found.items())
    }


def check(document: Document) -> None:
    """Refuse a document whose packages the caller has not named.

    Raises:
        UnnamedPackageError: one or more of those that were not is installed.
        PolicyError: none of them is.
    """
    used = {package.name for package in packages.used()}
    lacking = {
        name: origin
        for name, origin in (document.packages or {}).items()
        if normalised(name) not in used
    }
    if not lacking:
        return
    here = packages.installed()
    problems = [_unnamed(name, it, here.get(normalised(name))) for name, it in lacking.items()]
    for name in lacking:
        if normalised(name) in here:
            raise UnnamedPackageError(*problems, package=name)
    raise PolicyError(*problems)


def _unnamed(name: str, origin: Origin, here: Package | None) -> str:
    """What a package that was not named brings, and the way to have it."""
    what = f"{', '.join(origin.kinds)} is brought by the package {name} {origin.version}"
    if here is None:
        return (
            f"{what}, which is not installed: install it, and name it where the policy is"
            f" loaded: `packages=[{name!r}]`"
        )
    other = "" if here.version == origin.version else f" (installed: {here.version})"
    return (
        f"{what}{other}, which is imported only where it is named; if you trust it:"
        f" `packages=[{name!r}]`"
    )


def differing(document: Document) -> Iterator[str]:
    """A sentence for each package in use that is not of the version that was recorded."""
    used = {package.name: package for package in packages.used()}
    for name, origin in (document.packages or {}).items():
        package = used.get(normalised(name))
        if package is not None and package.version != origin.version:
            yield (
                f"policy {document.name!r} was written with {name} {origin.version}, and"
                f" {package.version} is installed; verify its golden decisions"
            )


def _named(document: Document, policy: Policy) -> Iterator[tuple[Registry[Any], str]]:
    """Every kind that a document names, with the registry it is in."""
    yield from ((policies.REGISTRY, tag_of(type(it))) for it in _inside(policy))
    yield from ((gates.REGISTRY, tag_of(type(it))) for it in policy.gates_used)
    yield from ((features.REGISTRY, it["kind"]) for it in document.features.values())
    for scorer in document.scorers.values():
        yield SCORERS, scorer["kind"]
        yield from (
            (calibrators.REGISTRY, it["kind"]) for it in scorer.get("calibrators", ()) if it
        )
    for name, spec in document.signals.items():
        yield signals.REGISTRY, (spec.source or name).partition(":")[0]


def _inside(policy: Policy) -> Iterable[Policy]:
    yield policy
    for part in policy.parts:
        yield from _inside(part)
