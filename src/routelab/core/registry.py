"""Kinds by name: those that ship, and those of packages that the caller named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar, Union

import msgspec

from routelab.core import packages
from routelab.core.messages import unknown_name
from routelab.core.packages import Package
from routelab.errors import PackageError, PolicyError, UnnamedPackageError

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)


class _Table(NamedTuple, Generic[_T]):
    """All kinds there are while these packages are in use, and who brought the foreign ones."""

    used: tuple[Package, ...]
    kinds: Mapping[str, _T]
    brought: Mapping[str, Package]


class Registry(Generic[_T]):
    """Kinds of one sort by name.

    Other packages bring more by entry points; `packages.use` says when those are imported.

    Args:
        group: of entry points, for example "routelab.policies". An entry point is named as
            its kind.
        noun: for messages, for example "kind".
        built_in: by name.
        lacks: what an entry point of this name leads to lacks to be such a kind, as the end of a
            sentence; None if nothing.
    """

    def __init__(
        self,
        group: str,
        noun: str,
        built_in: Mapping[str, _T],
        lacks: Callable[[str, Any], str | None],
    ) -> None:
        self.group, self.noun = group, noun
        self._built_in, self._lacks = dict(built_in), lacks
        self._table: _Table[_T] = _Table((), self._built_in, {})

    @property
    def kinds(self) -> Mapping[str, _T]:
        """All kinds by name, the built-in ones first.

        Raises:
            PackageError: a package in use brings what does not fit.
        """
        return self._now.kinds

    def package_of(self, name: str) -> Package | None:
        """Who brought a kind; None for a built-in or unknown one."""
        return self._now.brought.get(name)

    def unknown(self, name: str) -> PolicyError:
        """The error to raise for a name that is none of `kinds`, with the way out.

        It looks at what installed packages declare, and imports none of them.
        """
        problem = unknown_name(self.noun, name, self.kinds)
        declared = packages.installed().values()
        for package in declared:
            if package not in packages.used() and any(
                entry.name == name for entry in package.declares(self.group)
            ):
                return UnnamedPackageError(
                    f"{self.noun} {name!r} is brought by the installed package {package}, which"
                    " is imported only where it is named; if you trust it:"
                    f" `packages=[{package.name!r}]`",
                    package=package.name,
                )
        return PolicyError("; ".join([problem, *(it.brings for it in packages.used())]))

    def read(self, used: tuple[Package, ...]) -> _Table[_T]:
        """Import what these packages declare of this sort.

        Raises:
            PackageError: something cannot be imported, is no such kind, or is there already.
        """
        kinds, brought = dict(self._built_in), dict[str, Package]()
        for package in used:
            for entry in package.declares(self.group):
                name = entry.name
                if name in kinds:
                    other = brought.get(name, "routelab itself")
                    raise PackageError(
                        f"{self.noun} {name!r} is brought by {package} and by {other}; use"
                        " one of them, or rename one"
                    )
                kinds[name], brought[name] = self._loaded(package, entry), package
        self._refuse_misfits(kinds, brought)
        self._table = table = _Table(used, kinds, brought)
        return table  # another thread may set its own meanwhile

    def _refuse_misfits(self, kinds: Mapping[str, _T], brought: Mapping[str, Package]) -> None:
        """Refuse kinds that could not be told apart, or not be read, beside the others.

        Raises:
            PackageError: one does not fit.
        """

    @property
    def _now(self) -> _Table[_T]:
        table, used = self._table, packages.used()
        return table if table.used is used else self.read(used)

    def _loaded(self, package: Package, entry: Any) -> Any:
        """What an entry point leads to."""
        what = f"{package}: {self.noun} {entry.name!r} is {entry.value}, which"
        try:
            kind = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a module does as it is imported, also exit
            why = str(error) or type(error).__name__
            if not isinstance(error, (ImportError, AttributeError, PackageError)):
                why = f"{type(error).__name__}: {error}"
            raise PackageError(f"{what} cannot be imported: {why}") from error
        if lack := self._lacks(entry.name, kind):
            raise PackageError(f"{what} {lack}")
        return kind


class StructRegistry(Registry[type[_S]]):
    """Kinds that are frozen values with a tag, in JSON told apart by their field "kind".

    Args:
        base: of all kinds.
        hook: decodes fields whose types msgspec does not know, such as a policy in a policy.
    """

    def __init__(
        self,
        group: str,
        noun: str,
        built_in: tuple[type[_S], ...],
        base: type[_S],
        hook: Callable[[type, Any], Any] | None = None,
    ) -> None:
        def lacks(name: str, kind: Any) -> str | None:
            if not (isinstance(kind, type) and issubclass(kind, base)):
                return f"is no subclass of {base.__module__}.{base.__name__}"
            tag = kind.__struct_config__.tag
            if tag != name:
                return f"has the tag {tag!r}; give it tag={name!r}"
            if kind.__struct_config__.array_like:
                return "is an array in JSON; leave out array_like"
            return None if kind.__struct_config__.frozen else "is not frozen; give it frozen=True"

        super().__init__(group, noun, {tag_of(kind): kind for kind in built_in}, lacks)
        self._hook = hook
        self._either: tuple[Mapping[str, type[_S]], Any] = ({}, None)

    def decode(self, data: object) -> _S:
        """A value from its JSON form.

        Raises:
            PolicyError: an unknown kind, or a value that a kind refuses.
            msgspec.ValidationError: an unknown field or a wrong type.
        """
        kind = data.get("kind") if isinstance(data, dict) else None
        if isinstance(kind, str) and kind not in self.kinds:
            raise self.unknown(kind)
        value: _S = msgspec.convert(data, self._union(), dec_hook=self._hook)
        return value

    def from_wire(self, data: object) -> _S:
        """As `decode`; whatever is wrong is a `PolicyError`."""
        try:
            return self.decode(data)
        except msgspec.ValidationError as error:
            raise PolicyError(str(error)) from error

    def of(self, value: msgspec.Struct) -> Package | None:
        """Who brought the kind of a value; None for a built-in one."""
        return self.package_of(tag_of(type(value)))

    def _refuse_misfits(
        self, kinds: Mapping[str, type[_S]], brought: Mapping[str, Package]
    ) -> None:
        for name, package in brought.items():
            together: Any = Union[(*self._built_in.values(), kinds[name])]
            try:
                msgspec.json.Decoder(together)
            except Exception as error:  # also a name in an annotation that its module lacks
                raise PackageError(
                    f"{package}: {self.noun} {name!r} cannot be read from JSON beside the other"
                    f" kinds ({type(error).__name__}: {error}); mend its fields or its tag_field"
                ) from error

    def _union(self) -> Any:
        kinds = self.kinds
        made_of, union = self._either
        if made_of is not kinds:
            union = Union[tuple(kinds.values())]  # noqa: UP007  (built from the registry)
            self._either = kinds, union
        return union


def tag_of(kind: type[msgspec.Struct]) -> str:
    """The name of a kind in JSON."""
    return str(kind.__struct_config__.tag)
