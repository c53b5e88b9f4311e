"""Which packages bring the kinds that a policy directory names, and whether they are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from routelab import gates, policies, signals
from routelab.core import Package, Policy, Registry, normalised, packages, tag_of
from routelab.core.messages import counted, first, shown
from routelab.errors import PolicyError, UnnamedPackageError
from routelab.policy_file.document import Document, Origin
from routelab.scorers import REGISTRY as SCORERS
from routelab.scorers import calibrators
from routelab.signals import features

_REGISTRIES: tuple[Registry[Any], ...] = (
    policies.REGISTRY,
    gates.REGISTRY,
    features.REGISTRY,
    SCORERS,
    calibrators.REGISTRY,
    signals.REGISTRY,
)
_WITHIN: Mapping[str, Registry[Any]] = {
    "gates": gates.REGISTRY,
    "calibrators": calibrators.REGISTRY,
}
"""Which fields of policies and scorers hold values of another sort."""

_TOLD = 5
"""Packages of a file, and kinds of a package, that are told."""


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

    What a file says of packages is anybody's text: it is shown escaped and short, and nothing is
    to be installed or imported on its word alone, but only for a kind that the file needs.

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
    here, unknown = packages.installed(), set(_unknown(document))
    problems, trusted = list[str](), None
    for name, origin in sorted(lacking.items(), key=lambda it: unknown.isdisjoint(it[1].kinds)):
        package = here.get(normalised(name))
        needed = [kind for kind in origin.kinds if kind in unknown]
        needed = needed or sorted(unknown & _declared(package))  # whatever the file says of it
        problems.append(_unnamed(name, origin, needed, package))
        if package is not None and not _declared(package).isdisjoint(needed):
            trusted = trusted or package.name
    if (more := len(problems) - _TOLD) > 0:
        problems[_TOLD:] = [f"and {counted(more, 'more package')} of `packages`"]
    if trusted is not None:
        raise UnnamedPackageError(*problems, package=trusted)
    raise PolicyError(*problems)


def _unnamed(name: str, origin: Origin, needed: list[str], here: Package | None) -> str:
    """What a package that was not named brings, and the way to have it."""
    named, version = shown(name), shown(origin.version)
    if not needed:
        return (
            f"`packages` lists {named} {version}, which brings no kind that this policy lacks;"
            " take it out of `packages`"
        )
    what = f"{first(list(map(shown, needed)), _TOLD)} is brought by the package {named} {version}"
    if here is None:
        return (
            f"{what}, which is not installed: install it, and name it where the policy is"
            f" loaded: `packages=[{named!r}]`"
        )
    if _declared(here).isdisjoint(needed):
        return f"{what}; {here} is installed, and declares no such kind: install the other version"
    other = "" if here.version == origin.version else f" (installed: {here.version})"
    return (
        f"{what}{other}, which is imported only where it is named; if you trust it:"
        f" `packages=[{named!r}]`"
    )


def _declared(package: Package | None) -> set[str]:
    """The kinds that a package declares, as a document names them."""
    nouns = {registry.group: registry.noun for registry in _REGISTRIES}
    entries = () if package is None else package.entries
    return {f"{nouns[it.group]} {it.name!r}" for it in entries if it.group in nouns}


def differing(document: Document) -> Iterator[str]:
    """A sentence for each package in use that is not of the version that was recorded."""
    used = {package.name: package for package in packages.used()}
    for name, origin in (document.packages or {}).items():
        package = used.get(normalised(name))
        if package is not None and package.version != origin.version:
            yield (
                f"policy {document.name!r} was written with {package.name}"
                f" {shown(origin.version)}, and"
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


def _unknown(document: Document) -> Iterator[str]:
    """Every kind that a document names and no package in use brings, before it is checked."""
    named = [
        *_kinds_in(document.policy, policies.REGISTRY),
        *_kinds_in(dict(document.features), features.REGISTRY),
        *_kinds_in(dict(document.scorers), SCORERS),
        *(
            (signals.REGISTRY, (spec.source or name).partition(":")[0])
            for name, spec in document.signals.items()
        ),
    ]
    for registry, kind in named:
        if kind not in registry.kinds:
            yield f"{registry.noun} {kind!r}"
            if registry is policies.REGISTRY and kind not in gates.REGISTRY.kinds:
                yield f"{gates.REGISTRY.noun} {kind!r}"  # a foreign policy's gate, in any field


def _kinds_in(data: object, registry: Registry[Any]) -> Iterator[tuple[Registry[Any], str]]:
    """What has a kind at any depth of JSON data, with the registry it should be in."""
    if isinstance(data, list | tuple):
        for item in data:
            yield from _kinds_in(item, registry)
    elif isinstance(data, dict):
        if isinstance(kind := data.get("kind"), str):
            yield registry, kind
        for field, value in data.items():
            yield from _kinds_in(value, _WITHIN.get(field, registry))


def _inside(policy: Policy) -> Iterable[Policy]:
    yield policy
    for part in policy.parts:
        yield from _inside(part)
