"""What CI prints of the size of things is there, largest first."""

from __future__ import annotations

import runpy

import exceptions
from sources_world import PROJECT, files


def test_growth_is_printed():
    report = runpy.run_path(str(PROJECT / ".ci" / "growth.py"))["report"]()
    rows = report.splitlines()
    assert rows[0].startswith(f"{len(files())} files, ")
    for title in ("longest functions, in lines:", "largest files, in lines:"):
        first = rows.index(title) + 1
        sizes = [int(row.split()[0]) for row in rows[first : first + 5]]
        assert sizes == sorted(sizes, reverse=True)
    named = {row.split()[1]: int(row.split()[0]) for row in rows[rows.index("exceptions:") + 1 :]}
    lists = {name: len(held) for name, held in vars(exceptions).items() if name.isupper()}
    assert lists
    assert lists.items() <= named.items()
