"""Tables of a TOML file as structs, read field by field so that every mistake is told at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from types import UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from routelab.core.messages import unknown_name

Kind = TypeVar("Kind", bound=msgspec.Struct)

_WORDS = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text in quotes",
    date: "a day such as 2026-10-14, without quotes",
}
_MANY = {float: "numbers", int: "whole numbers", str: "texts in quotes"}
_FILE = "the file"
_SHOWN = 60
"""Characters of a value that are told."""


class _Place(NamedTuple):
    """A table: under which name people know it, and the fields on the way from there."""

    table: str = ""
    inside: str = ""

    def __str__(self) -> str:
        return ": ".join(it for it in (self.table, self.inside.rstrip(".")) if it) or _FILE

    def field(self, name: str) -> str:
        return f"{self.table}: {self.inside}{name}" if self.table else name

    def within(self, name: str) -> _Place:
        return _Place(self.table, f"{self.inside}{name}.") if self.table else _Place(name)


class TomlFields:
    """A reader that notes mistakes and goes on.

    Args:
        stand_ins: for required fields that are missing, and others that are wrong and have a
            default that would give a further problem: a value by the number of problems so far.
        hidden: fields whose values may hold a secret and are not told.
    Attributes:
        problems: noted so far, each with its place, value and way out.
    """

    def __init__(
        self,
        stand_ins: Mapping[str, Callable[[int], Any]] | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        self.problems: list[str] = []
        self._stand_ins = stand_ins or {}
        self._hidden = hidden

    def read(self, found: Mapping[str, Any], kind: type[Kind]) -> Kind:
        """A file as a struct; what is wrong in it is left out, or has a stand-in."""
        read: Kind = self._table(found, (kind,), _Place())
        return read

    def _table(self, found: Any, kinds: tuple[type[msgspec.Struct], ...], place: _Place) -> Any:
        if not isinstance(found, dict):
            self.problems.append(f"{place}: it is {_kind(found)}; write a table")
        kind = self._tagged(found, kinds, place) if isinstance(found, dict) else None
        if kind is None:
            return msgspec.UNSET if len(kinds) > 1 else self._built(kinds[0], None, place)
        fields = kind.__struct_encode_fields__
        tag = kind.__struct_config__.tag_field
        if unknown := [key for key in found if key not in (*fields, tag)]:
            names = ", ".join(map(repr, unknown))
            self.problems.append(f"{place}: no field {names}; there is {', '.join(fields)}")
        return self._built(kind, found, place)

    def _tagged(
        self, found: Mapping[str, Any], kinds: tuple[type[msgspec.Struct], ...], place: _Place
    ) -> type[msgspec.Struct] | None:
        """The one of several kinds that a table says it is."""
        field = kinds[0].__struct_config__.tag_field
        if field is None:
            return kinds[0]
        named = {str(kind.__struct_config__.tag): kind for kind in kinds}
        if field not in found:
            self.problems.append(f"{place}: {field} is missing; there is {', '.join(named)}")
        elif not isinstance(found[field], str) or found[field] not in named:
            self.problems.append(f"{place}: {unknown_name(field, found[field], named)}")
        else:
            return named[found[field]]
        return None

    def _built(self, kind: type[msgspec.Struct], found: object, place: _Place) -> Any:
        """A struct of the fields that are right; of stand-ins where there was no table."""
        values, hints = {}, get_type_hints(kind)
        for field in msgspec.structs.fields(kind):
            value: Any = msgspec.UNSET
            wrong = field.required
            name = field.encode_name
            if isinstance(found, dict) and name in found:
                value = self._value(found[name], hints[field.name], field, place)
                wrong = value is msgspec.UNSET
            elif field.required and isinstance(found, dict):
                meant = _meant(hints[field.name], field)
                self.problems.append(f"{place.field(name)} is missing; write {meant}")
            if wrong and field.name in self._stand_ins:
                value = self._stand_ins[field.name](len(self.problems))
            if value is not msgspec.UNSET:
                values[field.name] = value
            elif field.required:
                return msgspec.UNSET
        return kind(**values)

    def _value(self, found: Any, hint: Any, field: msgspec.structs.FieldInfo, place: _Place) -> Any:
        name = place.field(field.encode_name)
        if kinds := _structs(hint):
            return self._table(found, kinds, place.within(field.encode_name))
        inner = [it for part in get_args(hint) for it in _structs(part)]
        if inner and isinstance(found, dict) and get_origin(hint) is not tuple:
            pairs = [
                (key, self._table(it, tuple(inner), _Place(f"{name}.{key}")))
                for key, it in found.items()
            ]
            return {key: table for key, table in pairs if table is not msgspec.UNSET}
        if inner and isinstance(found, list) and get_origin(hint) is tuple:
            one = name.removesuffix("s")
            tables = [
                self._table(it, tuple(inner), _Place(f"{one} {at}"))
                for at, it in enumerate(found, 1)
            ]
            return tuple(table for table in tables if table is not msgspec.UNSET)
        if inner:
            meant = "a list of tables" if get_origin(hint) is tuple else "a table of tables"
            self.problems.append(f"{name} is {_kind(found)}; write {meant}")
            return msgspec.UNSET
        return self._leaf(found, hint, field, place)

    def _leaf(self, found: Any, hint: Any, field: msgspec.structs.FieldInfo, place: _Place) -> Any:
        try:
            return msgspec.convert(found, hint)
        except msgspec.ValidationError:
            if get_origin(hint) is Literal:
                names = [it for it in get_args(hint) if it]
                problem = unknown_name(field.encode_name, found, names)
                at = str(place)
                self.problems.append(problem if at == _FILE else f"{at}: {problem}")
                return msgspec.UNSET
            shown = _kind(found) if field.name in self._hidden else _shown(found)
            self.problems.append(
                f"{place.field(field.encode_name)} is {shown}; write {_meant(hint, field)}"
            )
            return msgspec.UNSET


def _structs(hint: Any) -> tuple[type[msgspec.Struct], ...]:
    """The structs that a field may hold; none where it holds a value, a list or tables by name."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(it for it in options if isinstance(it, type) and issubclass(it, msgspec.Struct))


def _meant(hint: Any, field: msgspec.structs.FieldInfo) -> str:
    """What a field wants, with its default as the example where that shows it."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(it for it in get_args(hint) if it is not type(None))
    if hint in _WORDS:
        example = type(field.default) in (int, float)
        return _WORDS[hint] + (f", such as {field.default}" if example else "")
    listed = get_origin(hint) is tuple
    inner = get_args(hint)[0 if listed else -1]
    return f"{'a list' if listed else 'a table'} of {_MANY.get(inner, 'values')}"


def _kind(found: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(found), "a table" if isinstance(found, dict) else "a date or time")


def _shown(found: object) -> str:
    if isinstance(found, bool):
        return str(found).lower()
    text = repr(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
