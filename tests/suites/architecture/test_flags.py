"""The command line is known to the commands alone."""

from __future__ import annotations

import re

from exceptions import FLAGS_ELSEWHERE
from sources_world import files, literals, part, short

FLAG = re.compile(r"--[a-z][a-z-]*")


def test_only_the_commands_speak_of_flags():
    found = {
        short(path): flags
        for path in files()
        if part(path) != "cli"
        and (flags := {it for text in literals(path) for it in FLAG.findall(text)})
    }
    assert found == FLAGS_ELSEWHERE
