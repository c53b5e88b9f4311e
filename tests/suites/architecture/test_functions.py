"""Functions are short, or say why they are not."""

from __future__ import annotations

from exceptions import LONG_FUNCTIONS
from sources_world import files, functions, short

MOST_LINES, MOST_ARGUMENTS = 60, 10
"""Of a function, from `def` to its end; `self` is no argument. One with a reason for more has it
in a comment right above, which begins `# Long:` or `# Many arguments:`.
"""


def test_functions_are_short():
    big = {
        f"{short(path)}: {it.name}"
        for path in files()
        for it in functions(path)
        if (it.lines > MOST_LINES and "# Long: " not in it.comment)
        or (it.arguments > MOST_ARGUMENTS and "# Many arguments: " not in it.comment)
    }
    assert big - LONG_FUNCTIONS == set(), (
        "break it where its thought breaks, or say why it is whole"
    )
    assert LONG_FUNCTIONS - big == set(), "these are short now: take them off the list"


def test_reasons_stand_above_functions_that_need_one():
    needless = {
        f"{short(path)}: {it.name}"
        for path in files()
        for it in functions(path)
        if ("# Long: " in it.comment and it.lines <= MOST_LINES)
        or ("# Many arguments: " in it.comment and it.arguments <= MOST_ARGUMENTS)
    }
    assert needless == set(), "these are short now: take the reason away"
