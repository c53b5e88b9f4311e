"""Logs of messages: every form that they come in, what is wrong with some, and how they are cut."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from logs_world import assert_equal, problems_of

from routelab.core.conversation import prompted
from routelab.errors import LogError
from routelab.logs import TextsInMemory, describe, open_batches, read, write
from routelab.logs.model import split
from routelab.replay.partitions import workers
from routelab.tuning.partitions.scan import scan

SYSTEM = {"role": "system", "content": "Be brief."}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TALKS = (
    [SYSTEM, {"role": "user", "content": "one"}],
    [
        SYSTEM,
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": [{"type": "text", "text": "two "}, IMAGE]},
    ],
    [{"role": "user", "content": "three"}],
)
PROMPTS = ["one", "one\ntwo [image]", "three"]


def rows_of(talks=TALKS, **more):
    """A row per request and model; the messages in both, as production logs have them."""
    return [
        {"request_id": f"r{at}", "model": model, "messages": talk, "quality": q, "cost_usd": q + 1}
        | {name: values[at] for name, values in more.items()}
        for at, talk in enumerate(talks)
        for model, q in (("small", 0.0), ("big", 1.0))
    ]


def in_json(rows, name="messages"):
    return [
        {**row, name: row[name] if isinstance(row[name], str) else json.dumps(row[name])}
        for row in rows
    ]


def saved(path, rows):
    """Rows as a file; nested values stay nested where the format can hold them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.table({n: [row.get(n) for row in rows] for n in names}), path)
    return path


def in_parts(rows):
    """Messages whose contents are all lists of parts, as a nested Parquet column needs them."""
    return [
        {**row, "messages": [{**it, "content": parted(it["content"])} for it in row["messages"]]}
        for row in rows
    ]


def parted(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("log.jsonl", lambda rows: rows),
        ("log.jsonl", in_json),
        ("log.csv", in_json),
        ("log.csv", lambda rows: [{**row, "messages": repr(row["messages"])} for row in rows]),
        ("log.parquet", in_json),
        ("log.parquet", in_parts),
        (
            "log.jsonl",
            lambda rows: in_json([{**r, "messages": {"messages": r["messages"]}} for r in rows]),
        ),
    ],
)
def test_messages_are_read_in_every_form(name, made, tmp_path):
    log = read(saved(tmp_path / name, made(rows_of())))
    every = np.arange(3)
    assert log.texts.prompts(every) == PROMPTS
    assert log.texts.prompts(every[::-1]) == PROMPTS[::-1]
    assert log.message_kinds == {"system text", "several turns", "earlier answers", "image"}
    told = log.texts.messages(every)
    wanted = (
        TALKS
        if made is not in_parts
        else [in_parts([{"messages": it}])[0]["messages"] for it in TALKS]
    )
    assert [list(map(dict, it)) for it in told] == list(wanted)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_conversations_in_a_column_of_prompts_are_read_as_messages(suffix, tmp_path):
    rows = in_json(rows_of())
    rows = [{("prompt" if n == "messages" else n): it for n, it in row.items()} for row in rows]
    rows[4]["prompt"] = rows[5]["prompt"] = "three"
    log = read(saved(tmp_path / f"log{suffix}", rows))
    assert log.texts.prompts(np.arange(3)) == PROMPTS
    assert log.texts.messages(np.array([2, 0])) == [prompted("three"), tuple(TALKS[0])]
    assert any(
        "column 'prompt' holds conversations as JSON, which are read as messages; 1 others are read"
        in note
        for note in log.notes
    )


def test_messages_go_before_a_prompt_and_a_row_without_them_has_its_prompt(tmp_path):
    rows = in_json(rows_of(prompt=["x", "y", "three"]))
    for row in rows[4:]:
        row["messages"] = ""
    log = read(saved(tmp_path / "log.csv", rows))
    assert log.texts.prompts(np.arange(3)) == PROMPTS
    assert log.texts.messages(np.array([2])) == [prompted("three")]


def test_a_log_of_prompts_is_one_message_of_the_user_each(tmp_path):
    rows = [{**row, "prompt": "hi", "messages": None} for row in rows_of()]
    log = read(saved(tmp_path / "log.jsonl", rows))
    assert log.texts.messages(np.array([1])) == [prompted("hi")]
    assert log.message_kinds == frozenset()


def test_what_holds_no_messages_is_told_at_once_with_rows_and_the_way_out(tmp_path):
    talks = [
        '[{"role": "user", "content": "cut',
        '[{"role": "human", "content": "hi"}]',
        '[{"from": "human", "value": "hi"}]',
        "[]",
        '[{"role": "user", "content": "good"}]',
    ]
    path = saved(tmp_path / "log.csv", rows_of(talks))
    found = problems_of(path)
    assert len(found) == 5
    for text, row in zip(
        ("not valid JSON", "the role 'human'", "no role", "has no message"), (1, 3, 5, 7),
        strict=True,
    ):  # fmt: skip
        assert any(f"row {row} on line {row + 1}: messages" in it and text in it for it in found)
    assert 'messages are a list such as [{"role": "user"' in found[-1]


def test_what_is_odd_and_harmless_is_noted_with_its_first_row(tmp_path):
    answered = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    greeted = [{"role": "assistant", "content": "hello"}, {"role": "user", "content": "u"}]
    tool = [
        {"role": "tool", "tool_call_id": "c9", "content": "x"},
        {"role": "user", "content": "u"},
    ]
    talks = [json.dumps(it) for it in (answered, greeted, tool, [SYSTEM])]
    log = read(saved(tmp_path / "log.csv", rows_of([*talks, "just text"])))
    for what in (
        "end with the assistant: what it says there may be the very answer that is judged: 1, the"
        " first in row 1",
        "begin with the assistant: 1, the first in row 3",
        "have a tool's result without the call before it, which endpoints refuse: 1, the first in"
        " row 5",
        "have no message of the user, so that nothing is read of them: 1, the first in row 7",
        "are a plain text, which is read as a prompt: 1, the first in row 9",
    ):
        assert any(f"requests whose messages {what}" in note for note in log.notes), log.notes
    assert log.texts.prompts(np.array([4])) == ["just text"]


def test_sessions_stay_together_and_describe_says_so(tmp_path):
    n = 400
    rows = [
        {"request_id": f"r{at}", "model": model, "prompt": f"q{at}", "quality": 0.5}
        | {"session_id": f"s{at // 4}", "turn": at % 4}
        for at in range(n)
        for model in ("small", "big")
    ]
    log = read(saved(tmp_path / "log.csv", rows))
    part = split(log).part.reshape(-1, 4)
    assert split(log).group == "group"
    assert (part == part[:, :1]).all()
    notes = describe(log)["notes"]
    assert any("rows of one session_id are kept together" in it for it in notes)
    assert any("tune with `reads='last_turn'`" in it for it in notes)
    own = [{**row, "group": row["request_id"]} for row in rows]
    log = read(saved(tmp_path / "grouped.csv", own))
    assert any("100 sessions lie in more than one group" in note for note in log.notes)
    assert not any("kept together in splits (the group is the session)" in it for it in log.notes)


def test_turns_that_are_none_are_told_and_those_out_of_order_noted(tmp_path):
    rows = rows_of(session_id=["s", "s", "s"], turn=[0, 1, 1], timestamp=[5, 4, 6])
    log = read(saved(tmp_path / "log.jsonl", rows))
    assert any("1 request have the session and turn of another" in it for it in log.notes)
    assert any("turn numbers and timestamps disagree" in note for note in log.notes)
    bad = rows_of(session_id=["s", "s", "s"], turn=["0", "user", "-1"])
    found = problems_of(saved(tmp_path / "bad.jsonl", bad))
    assert len(found) == 2
    assert "row 3 on line 3: turn is 'user'; turns of a session are counted 0, 1, 2" in found[0]


def test_a_column_that_counts_messages_is_none_of_them_and_turns_may_be_names(tmp_path):
    rows = rows_of([4, 5, 6], prompt=["a", "b", "c"], session_id=["s"] * 3, turn=["x", "y", "z"])
    for suffix in (".csv", ".jsonl", ".parquet"):
        log = read(saved(tmp_path / f"log{suffix}", rows))
        assert log.texts.prompts(np.arange(3)) == ["a", "b", "c"]
        assert log.signals == {}
        assert any("column 'messages' holds no messages, but numbers" in it for it in log.notes)
        assert any("column 'turn' holds no number of a turn" in it for it in log.notes)
    alone = [{name: it for name, it in row.items() if name != "prompt"} for row in rows]
    assert read(saved(tmp_path / "alone.csv", alone)).texts is None


def test_files_of_a_folder_may_nest_their_messages_otherwise(tmp_path):
    call = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    tools = [
        *({"role": "user", "content": "u"}, {"role": "assistant", "tool_calls": call}),
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ]
    first, second = rows_of([[{"role": "user", "content": "u"}]]), rows_of([tools])
    for row in second:
        row["request_id"] = "other"
    saved(tmp_path / "a.parquet", first)
    saved(tmp_path / "b.parquet", second)
    log = read(tmp_path)
    assert log.texts.messages(np.array([1])) == [tuple(tools)]
    assert log.message_kinds == {"tools", "earlier answers"}


def test_requests_of_one_conversation_are_not_torn_apart_without_a_session(tmp_path):
    talks = []
    for number in range(60):
        first = [SYSTEM, {"role": "user", "content": f"open {number}"}]
        second = [*first, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
        talks += [first, second]
    log = read(saved(tmp_path / "log.jsonl", rows_of(talks)))
    part = split(log).part.reshape(-1, 2)
    assert split(log).group == "prompt"
    assert (part[:, 0] == part[:, 1]).all()
    assert len(set(log.prompt_keys[0])) == 120


def test_conversations_among_prompts_count_in_batches_as_in_memory(tmp_path):
    prompts = ["plain", json.dumps([SYSTEM, {"role": "user", "content": "u"}]), "[no, json"] * 40
    table = {"request_id": [f"r{at}" for at in range(120)], "prompt": prompts}
    for model in ("small", "big"):
        table |= {model: [float(at % 2) for at in range(120)], f"{model}|total_cost": [0.1] * 120}
    pq.write_table(pa.table(table), tmp_path / "log.parquet", row_group_size=50)
    batches = open_batches(tmp_path / "log.parquet")
    assert batches.wide is not None
    with workers("threads", 1) as on:
        kinds = scan(batches, on, lambda _: lambda *_: None).message_kinds()
    assert kinds == read(tmp_path / "log.parquet").message_kinds == {"system text"}


@pytest.mark.parametrize("session", [True, False])
def test_a_folder_read_in_batches_is_cut_like_the_log_in_memory(session, tmp_path):
    n = 300
    table = {"request_id": [f"r{at:04d}" for at in range(n)]}
    table["messages"] = [
        [SYSTEM, {"role": "user", "content": f"open {at // 3}"}]
        + [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}] * (at % 3)
        for at in range(n)
    ]
    if session:
        table["session_id"] = [f"s{at // 3}" for at in range(n)]
    for model in ("small", "big"):
        table[model] = [float(at % 2) for at in range(n)]
        table[f"{model}|total_cost"] = [0.1] * n
    whole = pa.table(table)
    folder = tmp_path / "log"
    folder.mkdir()
    for at in range(3):
        pq.write_table(whole.slice(100 * at, 100), folder / f"part-{at}.parquet", row_group_size=37)
    log, batches = read(folder), open_batches(folder)
    assert batches.wide is not None  # and not one file after the other in memory
    with workers("threads", 2) as on:
        found = scan(batches, on, lambda _: lambda *_: None).cut(0, None)
        kinds = scan(batches, on, lambda _: lambda *_: None).message_kinds()
    assert kinds == log.message_kinds == {"system text", "several turns", "earlier answers"}
    mine = split(log)
    assert found.group == mine.group == ("group" if session else "prompt")
    assert np.concatenate(found.parts).tolist() == mine.part.tolist()
    assert any("session_id" in note for note in batches.notes) is session


def test_a_folder_read_in_batches_says_where_messages_are_none(tmp_path):
    narrated = '[{"role": "narrator", "content": "x"}]'
    for part, fourth in enumerate(('[{"role": "user", "content": "q"}]', narrated)):
        said = ['[{"role": "user", "content": "q"}]'] * 3 + [fourth]
        columns: dict[str, list[object]] = {"messages": list[object](said)}
        columns["request_id"] = [f"r{part}{row}" for row in range(4)]
        for model in ("a", "b"):
            columns |= {f"{model}|quality": [1.0] * 4, f"{model}|cost_usd": [0.1] * 4}
        pq.write_table(pa.table(columns), tmp_path / f"{part}.parquet")
    batches = open_batches(tmp_path)
    assert batches.wide is not None
    with pytest.raises(LogError, match=r"1\.parquet: row 4: messages .*: message 0 has the role"):
        list(batches.logs(1, also=("prompt",)))


def test_a_log_of_messages_is_written_and_read_back(tmp_path):
    log = read(saved(tmp_path / "log.jsonl", rows_of()))
    back = read(write(log, tmp_path / "log.parquet"))
    assert_equal(log, back)
    assert back.texts.messages(np.arange(3)) == log.texts.messages(np.arange(3))
    assert back.message_kinds == log.message_kinds
    assert replace(log, path=None).sha256 == replace(back, path=None).sha256


def test_a_log_in_memory_takes_messages_and_prompts(tmp_path):
    texts = TextsInMemory(["one", TALKS[1], json.dumps(TALKS[0])])
    assert texts.prompts(np.arange(3)) == ["one", "one\ntwo [image]", "one"]
    assert texts.messages(np.array([0, 2])) == [prompted("one"), tuple(TALKS[0])]
    prompts, _ = texts.prompt_keys()
    assert prompts[0] == prompts[2]
    assert texts.message_keys()[0] == ""


def test_a_prompt_that_is_json_of_a_conversation_stays_what_it_was_when_written_down(tmp_path):
    asked = json.dumps(TALKS[0])
    log = read(saved(tmp_path / "log.jsonl", rows_of([[{"role": "user", "content": asked}]] * 2)))
    assert log.texts.prompts(np.array([0])) == [asked]
    back = read(write(log, tmp_path / "log.parquet"))
    assert back.texts.messages(np.array([0])) == [prompted(asked)]


def test_messages_that_say_nothing_are_told(tmp_path):
    other = [{"role": "user", "parts": [{"text": "hi"}]}]
    found = problems_of(saved(tmp_path / "other.jsonl", rows_of([*TALKS, other])))
    assert "message 0 has no content; call its 'parts' content" in found[0]
    silent = [{"role": "user", "content": None}]
    log = read(saved(tmp_path / "log.jsonl", in_json(rows_of([*TALKS, silent, ""]))))
    for what, row in (
        ("have no word of the user, so that nothing is read of them", 7),
        ("are missing, without a prompt in their place", 9),
    ):
        assert any(f"{what}: 1, the first in row {row}" in note for note in log.notes), log.notes


def test_requests_without_a_session_are_in_none_together(tmp_path):
    rows = rows_of(session_id=["", "", "s"], turn=[0, 0, 0])
    log = read(saved(tmp_path / "log.csv", rows))
    assert not any("session and turn of another" in note for note in log.notes)
    rows[-1]["turn"] = 7
    log = read(saved(tmp_path / "torn.csv", rows))
    told = "1 row have another turn than the first row of their request, such as row 6"
    assert any(told in note for note in log.notes), log.notes
