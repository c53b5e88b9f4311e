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
def test_requests_that_do_not_return_are_dropped_from_later_parts_than_their_groups_first(rows):
    names, times = zip(*rows, strict=True)
    if len(set(times)) < len(PARTS):
        return
    how = {"need_all_parts": False, "tied": False}
    cut = split(log(len(rows), group=names, timestamp_s=times), returning=False, **how)
    alone = split(log(len(rows), timestamp_s=times), **how)
    assert cut.cuts_s == alone.cuts_s
    for row, name in enumerate(names):
        home = min(part for part, it in zip(alone.part, names, strict=True) if it == name)
        assert cut.part[row] == (home if alone.part[row] == home else -1)
    assert cut.dropped == int((cut.part == -1).sum())
    assert sum(cut.n.values()) + cut.dropped == len(rows)


@pytest.mark.parametrize("column", ["prompts", "group"])
def test_few_that_come_back_are_dropped_and_more_stay_in_the_part_of_their_time(column):
    names = [f"p{row}" for row in range(500)]
    names[499] = "p0"
    cut = split(log(500, timestamp_s=range(500), **{column: names}))
    assert (cut.part[499], cut.dropped, cut.returning) == (-1, 1, False)
    assert "r499" not in {f"r{row}" for part in PARTS for row in cut.rows(part)}
    names[400:410] = names[:10]  # a tenth of test, and a fiftieth of the log
    kept = split(log(500, timestamp_s=range(500), **{column: names}))
    assert (kept.dropped, kept.returning, kept.n["test"]) == (0, True, 100)
    assert kept.returned == {"train": 0, "tune": 0, "calibrate": 0, "test": 11}
    assert kept.groups[400] == kept.groups[0]


def test_parts_have_the_traffic_of_their_time_where_users_come_back():
    rng = np.random.default_rng(0)
    share = rng.pareto(1.3, 400) + 0.1
    users = rng.choice(400, 3000, p=share / share.sum())
    often = np.argsort(-np.bincount(users))[:20]  # users of half of the traffic
    made = log(3000, group=[f"u{it}" for it in users], timestamp_s=range(3000))
    cut, new = split(made), split(made, returning=False)
    theirs = np.isin(users, often)
    for part in PARTS:
        assert abs(theirs[cut.rows(part)].mean() - theirs.mean()) < 0.1
    assert not theirs[new.rows("test")].any()  # as newcomers, none of them is there
    again = split(made, returning=cut.returning)
    assert again.sha256() == cut.sha256()


def test_a_task_that_is_kept_together_never_returns():
    tasks = [f"t{row % 7}" if row % 7 else f"own {row}" for row in range(700)]
    cut = split(log(700, task=tasks, timestamp_s=range(700)), group="task", need_all_parts=False)
    assert not cut.returning
    assert cut.dropped > 0


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


MARKED = {
    "as published": ["train", "validation", "test"],
    "as here": ["train", "tune", "calibrate", "test"],
    "in other words": ["Training", "dev", "held-out"],
}


@pytest.mark.parametrize("words", MARKED.values(), ids=MARKED)
def test_a_column_may_say_which_part_a_request_belongs_to(words):
    rows = [words[row * 7 % len(words)] for row in range(100)]
    cut = split(log(100, split=rows, timestamp_s=range(100)))
    assert (cut.rule, cut.dropped, cut.cuts_s) == ("column", 0, ())
    known = dict(zip(words, PARTS if len(words) == 4 else ("train", "tune", "test"), strict=True))
    assert [PARTS[at] for at in cut.part] == [known[word] for word in rows]
    assert split(log(100, split=rows, timestamp_s=range(100)), rule="time").rule == "time"


@pytest.mark.parametrize("one", ["train", "val"])
def test_train_and_tune_are_parted_by_group_where_only_one_of_them_is_marked(one):
    rows, groups = [one] * 800 + ["test"] * 200, [f"g{row // 4}" for row in range(1000)]
    cut = split(log(1000, split=rows, group=groups))
    assert cut.rows("test").tolist() == list(range(800, 1000))
    assert cut.n["calibrate"] == 0
    assert abs(cut.n["train"] / 800 - 5 / 7) < 0.1
    parts = {(name, part) for name, part in zip(groups[:800], cut.part[:800], strict=True)}
    assert len(parts) == 200
    assert split(log(1000, split=rows, group=groups), seed=1).sha256() != cut.sha256()


def test_words_that_mark_no_part_are_named_all_at_once():
    rows = ["train", "tune", "test", "tst2", "", "trial"] * 9
    with pytest.raises(LogError) as refused:
        split(log(54, split=rows))
    told = str(refused.value)
    assert all(word in told for word in ("'tst2'", "'trial'", "no value at all"))
    assert "columns={'split': ''}" in told


def test_a_column_about_something_else_or_of_one_part_is_left_aside_unless_asked_for():
    for rows in (["control", "treatment"] * 50, ["train"] * 100, ["train", "dev"] * 50):
        made = log(100, split=rows)
        assert split(made).rule == "random"
        with pytest.raises(LogError, match="column 'split'"):
            split(made, rule="column")
    with pytest.raises(LogError, match="no column says which part"):
        split(log(100), rule="column")


def test_groups_on_both_sides_of_a_given_cut_are_counted():
    rows = ["train", "tune", "test"] * 30
    cut = split(log(90, split=rows, group=[f"g{row % 5}" for row in range(90)]))
    assert cut.returned == {"train": 0, "tune": 30, "calibrate": 0, "test": 30}


def test_a_given_cut_without_a_part_that_every_study_needs_is_refused():
    with pytest.raises(LogError, match="column 'split' leaves no request for tune"):
        split(log(20, split=["train", "test"] * 10, group=["one"] * 20))
