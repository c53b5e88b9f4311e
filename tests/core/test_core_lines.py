"""At a prompt, what users meet shows itself in a line."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from routelab import replay
from routelab.core.messages.lines import LONGEST, one_line, short_repr
from routelab.policies import Cascade, Conditional, Fixed, Match, Rule
from routelab.policy_file import load
from routelab.scorers import Prior


def of_users(tuned):
    study, file = tuned.study, load(tuned.policy)
    yield from (study, study.log, study.log.requests, study.split, study.tune, study.test)
    yield from (study.figures, study.breakdown, study.catalogue, study.policy, study.verdict)
    yield from (file, file.document, file.scoring, replay.run(study.policy, study.log))
    rules = tuple(Rule(Match(task=(f"task {at}",)), Fixed("small")) for at in range(500))
    yield Conditional(rules, Fixed("small"))
    keys = tuple(f"task {at}" for at in range(2000))
    yield Prior(target="quality", outputs=("a",), by="task", keys=keys, tensors="prior")


def test_it_is_one_line_and_no_longer_than_that(tuned):
    for it in of_users(tuned):
        shown = repr(it)
        assert "\n" not in shown, type(it)
        assert len(shown) <= LONGEST, type(it)
        assert type(it).__name__ in shown


def test_a_study_says_its_verdict(tuned):
    assert tuned.study.verdict.word in repr(tuned.study)
    assert f"{tuned.study.figures.quality:.3f}" in repr(tuned.study)


def test_a_small_policy_is_shown_as_it_is_written():
    policy = Cascade(("a", "b"), (0.5,), "sure")
    assert eval(repr(policy)) == policy


@short_repr
@dataclasses.dataclass
class Fields:
    array: object
    items: object
    text: str = "x" * 1000


@short_repr
class Struct(msgspec.Struct):
    a: int = 1
    b: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Struct(), "Struct(a=1, b=(1, 2))"),
        (Struct(b=tuple(range(50))), "Struct(a=1, b=<50 items>)"),
        (
            Fields(np.zeros((3, 4)), ["y" * 200], ""),
            "Fields(array=<ndarray 3x4>, items=<1 items>, text='')",
        ),
        (Fields(None, {}, "a\nb"), "Fields(array=None, items={}, text='a\\nb')"),
    ],
)  # fmt: skip
def test_what_is_large_is_counted(value, shown):
    assert repr(value) == shown


def test_a_text_of_several_lines_is_put_in_one():
    assert one_line("a\n  b") == "a b"
    assert one_line("x" * 10, 5) == "xxxx…"
