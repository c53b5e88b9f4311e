"""How much is read of files that come from anywhere, and how to have more read.

Every limit is far above what a file of this kind needs. `ROUTELAB_LIMITS="columns=50000,depth=200"`
in the environment, which processes of a study inherit, raises them; so does `raise_limits`, and an
option of every command.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from routelab.core.messages import unknown_name
from routelab.errors import ConfigError

VARIABLE = "ROUTELAB_LIMITS"
"""Of the environment."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is read at most; numbers are whole.

    Attributes:
        policy_bytes: of `policy.json`, golden decisions and the card of a policy, each.
        tensor_bytes: of a policy's `weights.safetensors`.
        tensors: of a policy.
        dimensions: of one tensor.
        policies: of a policy inside a policy, all counted; rules, scorers, features, models and
            golden decisions of a file, each.
        nesting: of policies in policies, scorers in scorers and data in data of a policy file.
        table_bytes: of a TOML file: a catalogue, a sidecar, budgets, a scenario.
        json_bytes: of other files that are read whole: price lists, studies, figures.
        columns: of a log, or names in its objects.
        line_bytes: of one row of a log.
        depth: of a value in a log, lists and objects in one another.
        cells: numbers of a log in memory, of every request, model and column, unless its file
            holds a 64th of them or more.
        unpacked_bytes: of a Parquet file, once decompressed, unless the file is a 200th as large.
    """

    policy_bytes: int = 4 << 20
    tensor_bytes: int = 128 << 20
    tensors: int = 10_000
    dimensions: int = 32
    policies: int = 2_000
    nesting: int = 50
    table_bytes: int = 1 << 20
    json_bytes: int = 128 << 20
    columns: int = 10_000
    line_bytes: int = 32 << 20
    depth: int = 64
    cells: int = 40_000_000
    unpacked_bytes: int = 256 << 20


def limits() -> Limits:
    """The limits that hold now.

    Raises:
        ConfigError: the environment names none, or no numbers.
    """
    return _read(os.environ.get(VARIABLE, ""))


def raise_limits(given: Iterable[str]) -> None:
    """Have these limits hold from now on, here and in processes that are started.

    Args:
        given: texts "NAME=NUMBER".
    Raises:
        ConfigError: one is not written so, or there is no such limit.
    """
    text = ",".join([*filter(None, [os.environ.get(VARIABLE, "")]), *given])
    _read(text)
    os.environ[VARIABLE] = text


def raised(name: str) -> str:
    """How a limit is raised, as the end of a sentence.

    Args:
        name: of the limit.
    """
    return f"if it is meant, raise it: {VARIABLE}={name}=NUMBER in the environment"


@lru_cache(maxsize=16)
def _read(text: str) -> Limits:
    found, names = {}, Limits.__struct_fields__
    for pair in filter(None, text.split(",")):
        name, _, number = (it.strip() for it in pair.partition("="))
        if name not in names:
            raise ConfigError(f"{VARIABLE}: {unknown_name('limit', name, names)}")
        if not (number.isdecimal() and 0 < len(number) <= 18):
            raise ConfigError(f"{VARIABLE}: {name}={number!r:.40}: give a whole number")
        found[name] = int(number)
    return Limits(**found)
