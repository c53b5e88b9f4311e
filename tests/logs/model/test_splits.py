"""Four disjoint parts: groups stay together, and the same log is cut the same again."""

from __future__ import annotations

import hashlib
import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.errors import LogError
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model.log import Log, Requests
from routelab.logs.model.splits import PARTS, SHARES, split

some = settings(deadline=None, max_examples=60)
labels = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40)


def log(n, *, prompts=None, **columns):
    """A log of one model about which nothing is known but its requests."""
    nothing = np.full((n, 1), np.nan)
    ids = columns.pop("id", [f"r{row}" for row in range(n)])
    held = {name: objects(values) for name, values in {"id": ids, **columns}.items()}
    if "timestamp_s" in held:
        held["timestamp_s"] = held["timestamp_s"].astype(float)
    return Log(
        Requests(**held),
        ("m",),
        *[nothing] * 5,
        error=np.isinf(nothing),
        texts=None if prompts is None else TextsInMemory(prompts),
    )


def objects(values):
    return np.array(list(values), dtype=object)


def part_of(cut, ids):
    return dict(zip(ids, cut.part.tolist(), strict=True))


def test_parts_are_disjoint_have_their_shares_and_miss_nothing():
    n = 6000
    cut = split(log(n))
    rows = np.concatenate([cut.rows(part) for part in PARTS])
    assert sorted(rows.tolist()) == list(range(n)) == cut.rows("all").tolist()
    for part, share in zip(PARTS, SHARES, strict=True):
        assert abs(cut.n[part] / n - share) < 4 * np.sqrt(share * (1 - share) / n)
    assert (cut.rule, cut.group, cut.cuts_s, cut.dropped) == ("random", "id", (), 0)


@some
@given(labels, st.integers(0, 9))
@pytest.mark.parametrize("column", ["group", "prompt", "task"])
def test_what_shares_a_group_shares_a_part(column, names, seed):
    columns = {"prompts": names} if column == "prompt" else {column: names}
    asked = "task" if column == "task" else None
    cut = split(log(len(names), **columns), seed=seed, group=asked, need_all_parts=False)
    assert cut.group == column
    assert len({(name, part) for name, part in zip(names, cut.part, strict=True)}) == len(
        set(names)
    )
    together = {(name, label) for name, label in zip(names, cut.groups.tolist(), strict=True)}
    assert len(together) == len({label for _, label in together}) == len(set(names))


@some
@given(labels, st.randoms(use_true_random=False), st.integers(0, 3))
def test_neither_order_nor_other_requests_move_anybody_at_random(names, random, seed):
    ids = [f"r{row}" for row in range(len(names))]
    whole = split(log(len(names), group=names), seed=seed, need_all_parts=False)
    rows = list(range(len(names)))
    random.shuffle(rows)
    rows = rows[: max(1, len(rows) // 2)]
    some_of_them = log(len(rows), id=[ids[r] for r in rows], group=[names[r] for r in rows])
    cut = split(some_of_them, seed=seed, need_all_parts=False)
    before = part_of(whole, ids)
    assert part_of(cut, [ids[r] for r in rows]) == {ids[r]: before[ids[r]] for r in rows}


def test_another_seed_is_another_random_cut():
    one, other = split(log(400), seed=0), split(log(400), seed=1)
    assert np.mean(one.part == other.part) < 0.6
    assert one.sha256() != other.sha256()
    assert one.sha256() == split(log(400), seed=0).sha256()


def test_the_group_column_goes_before_the_prompt_and_the_prompt_before_the_id():
    columns = {"prompts": ["p"] * 9, "group": ["g"] * 9, "task": ["t"] * 9}

    def group_of(*without, group=None):
        left = {name: values for name, values in columns.items() if name not in without}
        return split(log(9, **left), group=group, need_all_parts=False).group

    assert group_of() == "group"
    assert group_of("group") == "prompt"
    assert group_of("group", "prompts") == "id"
    assert group_of(group="id") == "id"


def test_a_task_is_a_group_only_when_asked():
    tasks = [f"t{row % 3}" for row in range(300)]
    plain = split(log(300, task=tasks))
    assert len(set(zip(tasks, plain.part.tolist(), strict=True))) == 3 * len(PARTS)
    asked = split(log(300, task=tasks), group="task", need_all_parts=False)
    assert len(set(zip(tasks, asked.part.tolist(), strict=True))) == 3


def test_with_timestamps_the_cuts_are_times():
    time = np.random.default_rng(0).permutation(1000) / 8
    cut = split(log(1000, timestamp_s=time))
    assert (cut.rule, cut.dropped) == ("time", 0)
    assert list(cut.n.values()) == [500, 200, 100, 200]
    edges = [-np.inf, *cut.cuts_s, np.inf]
    for part, low, high in zip(PARTS, edges, edges[1:], strict=False):
        inside = time[cut.rows(part)]
        assert inside.min() >= low
        assert inside.max() < high


@some
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 30)), min_size=8, max_size=60))
def test_a_group_belongs_to_the_part_of_its_first_row_and_later_rows_are_dropped(rows):
    names, times = zip(*rows, strict=True)
    if len(set(times)) < len(PARTS):
        return
    cut = split(log(len(rows), group=names, timestamp_s=times), need_all_parts=False, tied=False)
    alone = split(log(len(rows), timestamp_s=times), need_all_parts=False, tied=False)
    assert cut.cuts_s == alone.cuts_s
    for row, name in enumerate(names):
        home = min(part for part, it in zip(alone.part, names, strict=True) if it == name)
        assert cut.part[row] == (home if alone.part[row] == home else -1)
    assert cut.dropped == int((cut.part == -1).sum())
    assert sum(cut.n.values()) + cut.dropped == len(rows)


def test_a_repeated_prompt_is_dropped_from_a_later_part():
    prompts = [f"p{row}" for row in range(19)] + ["p0"]
    cut = split(log(20, prompts=prompts, timestamp_s=range(20)))
    assert cut.part[19] == -1
    assert cut.dropped == 1
    assert "r19" not in {f"r{row}" for part in PARTS for row in cut.rows(part)}


@pytest.mark.parametrize("time", [[np.nan, *range(99)], [5.0] * 100])
def test_a_time_that_cannot_cut_is_not_used(time):
    assert split(log(100, timestamp_s=time)).rule == "random"


def test_a_digest_is_of_the_sorted_ids_of_a_part():
    it = log(50)
    cut = split(it)
    for part in PARTS:
        ids = sorted(it.requests.id[cut.rows(part)])
        assert cut.sha256()[part] == hashlib.sha256("\n".join(ids).encode()).hexdigest()


@pytest.mark.parametrize("row", [0, 17, 49])
def test_one_other_id_is_another_digest(row):
    time = np.arange(50)
    ids = [f"r{i}" for i in range(50)]
    before = split(log(50, id=ids, timestamp_s=time))
    ids[row] += "x"
    after = split(log(50, id=ids, timestamp_s=time))
    changed = [part for part in PARTS if before.sha256()[part] != after.sha256()[part]]
    assert changed == [PARTS[before.part[row]]]


def test_the_order_of_rows_is_not_in_the_digest():
    ids, order = [f"r{i}" for i in range(80)], np.random.default_rng(1).permutation(80)
    one, other = split(log(80, id=ids)), split(log(80, id=[ids[i] for i in order]))
    assert one.sha256() == other.sha256()


@pytest.mark.parametrize(
    ("it", "told"),
    [
        (log(2), "too few requests for a study, 2: "),
        (log(500, group=["g"] * 500), "its 500 requests are of 1 group by group, which"),
        (log(0), "too few requests for a study, 0: "),
    ],
    ids=["few rows", "one group", "nothing"],
)
def test_too_few_requests_are_told(it, told):
    with pytest.raises(LogError) as caught:
        split(it)
    assert told in str(caught.value)
    assert re.search("at least 50 (groups )?are needed", str(caught.value))
    assert len(split(it, need_all_parts=False).part) == len(it)


@pytest.mark.parametrize("group", ["group", "prompt", "task"])
def test_a_grouping_that_the_log_lacks_is_told(group):
    with pytest.raises(LogError, match=f"no {group}"):
        split(log(50), group=group)


def test_an_unknown_grouping_is_told_with_the_known_ones():
    with pytest.raises(LogError, match=r"'user'.*group, prompt, task or id"):
        split(log(50), group="user")


@pytest.mark.parametrize("timed", [False, True])
def test_requests_without_a_group_stand_alone(timed):
    groups = [f"g{row % 20}" if row < 60 else "" for row in range(400)]
    times = {"timestamp_s": range(400)} if timed else {}
    cut = split(log(400, group=groups, **times))
    assert len(np.unique(cut.groups)) == 20 + 340
    assert min(cut.n.values()) > 10
    assert cut.dropped <= 60


def test_requests_without_a_prompt_stand_alone():
    cut = split(log(300, prompts=[""] * 300))
    assert len(np.unique(cut.groups)) == 300


@pytest.mark.parametrize(
    "day",
    [
        lambda row: row // 1250,
        lambda row: row // 834,
        lambda row: np.where(row < 3000, row // 334, 9),
        lambda row: np.where(row < 4990, 0, row),
    ],
)
def test_days_that_hold_a_cut_are_parted_by_hash_and_the_others_are_not(day):
    times = 86_400.0 * day(np.random.default_rng(2).permutation(5000))
    cut = split(log(5000, timestamp_s=times))
    assert (cut.rule, cut.tied, cut.dropped) == ("time", True, 0)
    for part, share in zip(PARTS, SHARES, strict=True):
        assert abs(cut.n[part] / 5000 - share) < 4 * np.sqrt(share * (1 - share) / 5000)
    for earlier, later in itertools.pairwise(PARTS):
        assert times[cut.rows(earlier)].max() <= times[cut.rows(later)].min()
    again = split(log(5000, timestamp_s=times), seed=1)
    assert again.cuts_s == cut.cuts_s
    assert np.mean(again.part == cut.part) < 1


def test_few_equal_times_leave_a_cut_as_it_was():
    times = np.sort(np.random.default_rng(0).integers(0, 200, 1000)).astype(float)
    cut, old = split(log(1000, timestamp_s=times)), split(log(1000, timestamp_s=times), tied=False)
    assert not cut.tied
    assert cut.sha256() == old.sha256()


def test_a_group_of_one_time_is_never_parted_by_hash():
    times = [86_400.0 * (row // 250) for row in range(1000)]
    groups = [f"g{row // 5}" for row in range(1000)]
    cut = split(log(1000, timestamp_s=times, group=groups))
    assert cut.tied
    assert cut.dropped == 0
    assert len(set(zip(groups, cut.part.tolist(), strict=True))) == 200


def test_a_random_split_can_be_asked_for_and_times_be_insisted_on():
    times = list(range(1000))
    asked = split(log(1000, timestamp_s=times), rule="random")
    assert (asked.rule, asked.cuts_s) == ("random", ())
    assert asked.sha256() == split(log(1000)).sha256()
    assert split(log(1000, timestamp_s=times), rule="time").rule == "time"
    for without in (log(10), log(10, timestamp_s=[5.0] * 10)):
        with pytest.raises(LogError, match="cannot be cut in time"):
            split(without, rule="time")
    with pytest.raises(LogError, match="unknown `split` 'sideways'"):
        split(log(10), rule="sideways")


@some
@given(
    st.lists(st.sampled_from(["One two", "one two", " ONE\ttwo ", "Ünd", "üND", "x"]), min_size=1)
)
def test_prompts_that_differ_in_blanks_and_case_share_a_part(prompts):
    cut = split(log(len(prompts), prompts=prompts), need_all_parts=False)
    plain = ["".join(it.split()).casefold() for it in prompts]
    assert len(set(zip(plain, cut.part.tolist(), strict=True))) == len(set(plain))
    assert len(set(zip(plain, cut.groups.tolist(), strict=True))) == len(set(plain))


def test_logs_without_such_prompts_are_cut_as_before():
    prompts = [f"Prompt number {row}" for row in range(500)]
    now, before = (split(log(500, prompts=prompts), exact=exact) for exact in (False, True))
    assert now.sha256() == before.sha256()
    assert now.groups.tolist() == before.groups.tolist()
