"""The headers of a request by their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class HeaderFields(dict[str, str]):
    """Headers, names in lower case; of one given twice the last.

    Attributes:
        twice: names that were given more than once, and not with one value: which of them is
            meant, whoever wrote the first or the last, cannot be known.
    """

    twice: frozenset[str] = frozenset()


def header_fields(pairs: Sequence[tuple[str, str]]) -> HeaderFields:
    """Headers as they came.

    Args:
        pairs: names in lower case, with their values.
    """
    fields = HeaderFields(pairs)
    if len(fields) < len(pairs):
        fields.twice = _twice(pairs)
    return fields


def _twice(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    return frozenset(name for name, found in values.items() if len(found) > 1)
