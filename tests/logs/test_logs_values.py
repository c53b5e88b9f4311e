"""Values as people have them: each is read alike in every format, or refused by name."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs_world import ROWS, problems_of, save, with_column

from routelab.core import SignalSpec
from routelab.errors import LogError
from routelab.logs import Log, describe, open_batches, read
from routelab.logs.columns import scale_of
from routelab.logs.columns.failures import failures
from routelab.logs.formats.notation import GRADES, numerals

FORMATS = (".csv", ".jsonl", ".json", ".parquet")
SIGNALS: dict[str, list[Any]] = {
    "numbers": [0.1, 0.25, None, 0.7],
    "texts": ["0.1", "0.25", None, "0.7"],
    "texts with blanks": [" 0.1", "0.25 ", "", "0.70"],
    "exponents": ["1e-1", "2.5E-1", "", "7e-1"],
    "percent": ["10%", "25 %", "", "70%"],
    "percent with a comma": ["10,0%", "25,0%", "", "70,0 %"],
    "decimal comma": ["0,1", "0,25", "", "0,7"],
    "no value by name": ["0.1", "0.25", "N/A", "0.7"],
    "no value by a dash": ["0.1", "0.25", "-", "0.7"],
    "no value by pandas": ["0.1", "0.25", "<NA>", "0.7"],
    "no value by SQL": ["0.1", "0.25", "NULL", "0.7"],
    "no value by a float": ["0.1", "0.25", "nan", "0.7"],
    "plus": ["+0.1", "+0.25", None, "+0.7"],
}
TRUTHS = {
    "booleans": [True, False, None, True],
    "true and false": ["true", "false", "", "TRUE"],
    "True and False": ["True", "False", "", "True"],
    "yes and no": ["yes", "no", "", "Yes"],
    "letters": ["t", "f", "", "T"],
    "y and n": ["Y", "N", "", "y"],
    "digits": ["1", "0", "", "1"],
    "floats": [1.0, 0.0, None, 1.0],
}


def save_any(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as a file of the format that its suffix says, an array of objects for .json."""
    if path.suffix == ".json":
        path.write_text(json.dumps(rows), "utf-8")
        return path
    return save(path, rows)


def table(path: Path, name: str, column: Any, **more: Any) -> Path:
    """The rows as Parquet, with one column of any Arrow type."""
    names = dict.fromkeys(key for row in ROWS for key in row)
    columns = {key: pa.array([row.get(key) for row in ROWS]) for key in names}
    pq.write_table(pa.table({**columns, name: column, **more}), path)
    return path


def of_requests(column: Any) -> Any:
    """The first two values, each on both rows of a request."""
    one, other, *_ = column.to_pylist()
    return pa.array([one, one, other, other], column.type)


def signal(path: Path) -> list[float]:
    log = read(path, signals=["sure"])
    assert isinstance(log, Log)
    return log.signals["sure"].ravel().tolist()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("values", SIGNALS.values(), ids=list(SIGNALS))
def test_a_signal_is_the_same_however_it_is_written(
    tmp_path: Path, suffix: str, values: list[Any]
) -> None:
    found = signal(save_any(tmp_path / f"log{suffix}", with_column("sure", values)))
    np.testing.assert_allclose(found, [0.1, 0.25, np.nan, 0.7], rtol=1e-15)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("values", TRUTHS.values(), ids=list(TRUTHS))
@pytest.mark.parametrize("name", ["sure", "quality"])
def test_truth_values_are_one_and_zero(
    tmp_path: Path, suffix: str, values: list[Any], name: str
) -> None:
    log = read(save_any(tmp_path / f"log{suffix}", with_column(name, values)), signals=["sure"])
    assert isinstance(log, Log)
    found = log.quality if name == "quality" else log.signals[name]
    np.testing.assert_array_equal(found, [[1, 0], [np.nan, 1]])


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    "words", ["pass fail", "passed failed", "correct incorrect", "right wrong", "Success Failure"]
)
def test_grades_in_words_are_one_and_zero(tmp_path: Path, suffix: str, words: str) -> None:
    good, bad = words.split()
    log = read(save_any(tmp_path / f"log{suffix}", with_column("quality", [good, bad, None, good])))
    assert isinstance(log, Log)
    np.testing.assert_array_equal(log.quality, [[1, 0], [np.nan, 1]])


def test_other_words_are_no_grades(tmp_path: Path) -> None:
    path = save(tmp_path / "log.csv", with_column("quality", ["good", "bad", "bad", "good"]))
    first, *_ = problems_of(path)
    assert "quality is 'good'; a number is expected, such as 0.5, or a word such as pass" in first


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("name", "texts", "values"),
    [
        ("cost_usd", ["$0.001", "$1,234.5", "$ 0.25", "0.5 USD"], [0.001, 1234.5, 0.25, 0.5]),
        ("prompt_tokens", ["1,234", "567", "12,345,678", "9"], [1234, 567, 12345678, 9]),
        ("prompt_tokens", ["1 234", "567", "12 345 678", "9"], [1234, 567, 12345678, 9]),
        ("completion_tokens", ["1.234.567", "2,5", "3", "4"], [1234567, 2.5, 3, 4]),
        ("latency_s", ["1,5", "0,25", "1.234,5", "2"], [1.5, 0.25, 1234.5, 2]),
        ("latency_s", ["1,234.5", "0.25", "7", "2,000"], [1234.5, 0.25, 7, 2000]),
    ],
)
def test_separators_are_read_as_the_column_means_them(
    tmp_path: Path, suffix: str, name: str, texts: list[str], values: list[float]
) -> None:
    log = read(save_any(tmp_path / f"log{suffix}", with_column(name, texts)))
    assert isinstance(log, Log)
    small, big, second_small, second_big = values
    assert getattr(log, name).tolist() == [[small, big], [second_small, second_big]]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("name", "texts", "says"),
    [
        ("latency_s", ["1,234", "2,345", "7", "8"], "it may mean 1234 or 1.234: write the one"),
        ("quality", ["0.5", "0,5", "1", "0"], "others have a decimal point, such as '0.5'"),
        ("quality", ["50%", "0.5", "0.25", "1"], "others have no percent sign, such as '0.5'"),
        ("quality", ["50%", "60%", "70%", "0.5"], "others have a percent sign, such as '50%'"),
        ("cost_usd", ["free", "1", "2", "3"], "a number is expected"),
        ("cost_usd", ["1%", "2%", "3%", "4%"], "'1%'; a percent is none of these amounts"),
        ("latency_s", ["7", "2 %", "3", "4"], "'2 %'; a percent is none of these amounts"),
        ("prompt_tokens", ["7", "2", "3,5%", "4"], "'3,5%'; a percent is none of these amounts"),
        ("cost_usd", ["€0.1", "1", "2", "3"], "a number is expected"),
        ("latency_s", ["350ms", "1", "2", "3"], "a number is expected"),
        ("quality", ["A", "B", "C", "A"], "a word such as pass or fail"),
    ],
)
def test_what_can_be_meant_in_two_ways_is_refused_with_the_row(
    tmp_path: Path, suffix: str, name: str, texts: list[str], says: str
) -> None:
    first, *_ = problems_of(save_any(tmp_path / f"log{suffix}", with_column(name, texts)))
    assert f"{name} is " in first
    assert "row " in first
    assert says in first


@given(
    st.lists(st.floats(0, 1e6).map(lambda it: round(it, 4)), min_size=1, unique=True),
    st.sampled_from(["point", "comma", "percent", "thousands"]),
)
def test_numbers_come_back_whatever_writes_them(values: list[float], how: str) -> None:
    write = {
        "point": lambda it: f"{it:.4f}",
        "comma": lambda it: f"{it:,.4f}".translate(str.maketrans(",.", ".,")),
        "percent": lambda it: f"{100 * it:.4f}%",
        "thousands": lambda it: f"{it:,.4f}",
    }[how]
    read_back = numerals([write(it) for it in values])
    assert not read_back.bad.any()
    np.testing.assert_allclose(read_back.values, values, rtol=1e-9, atol=1e-9)


def test_words_of_grades_are_no_words_of_other_columns() -> None:
    assert numerals(["pass"]).bad.all()
    assert numerals(["pass"], GRADES).values.tolist() == [1.0]


EXACT = [Decimal("0.1"), Decimal("0.25"), None, Decimal("0.7")]
ARROW = {
    "decimal": pa.array(EXACT, pa.decimal128(9, 4)),
    "decimal 256": pa.array(EXACT, pa.decimal256(50, 4)),
    "float32": pa.array(np.array([0.5, 0.25, np.nan, 0.75], np.float32)),
    "float16": pa.array(np.array([0.5, 0.25, np.nan, 0.75], np.float16)),
    "int8": pa.array([1, 0, None, 1], pa.int8()),
    "uint64": pa.array([1, 0, None, 1], pa.uint64()),
    "bool": pa.array([True, False, None, True]),
    "dictionary of numbers": pa.array([0.1, 0.25, None, 0.7]).dictionary_encode(),
    "dictionary of texts": pa.array(["0.1", "0.25", None, "0.7"]).dictionary_encode(),
    "large text": pa.array(["0.1", "0.25", None, "0.7"], pa.large_string()),
    "text view": pa.array(["0.1", "0.25", None, "0.7"], pa.string_view()),
    "bytes": pa.array([b"0.1", b"0.25", None, b"0.7"]),
}  # fmt: skip


@pytest.mark.parametrize("column", ARROW.values(), ids=list(ARROW))
def test_a_signal_of_any_arrow_type_is_numbers(tmp_path: Path, column: Any) -> None:
    found = signal(table(tmp_path / "log.parquet", "sure", column))
    told = [float("nan") if it is None else float(it) for it in column.to_pylist()]
    np.testing.assert_allclose(found, told, rtol=1e-15)


NO_NUMBERS = {
    "lists": pa.array([[0.1, 0.9], [0.2], None, []]),
    "structs": pa.array([{"mean": 0.1}, {"mean": 0.2}, None, {"mean": 0.3}]),
    "maps": pa.array([[("a", 0.1)], [("a", 0.2)], None, []], pa.map_(pa.string(), pa.float64())),
    "words": pa.array(["high", "low", None, "medium"]),
    "dates": pa.array([dt.date(2024, 5, 1)] * 4),
    "times": pa.array([dt.time(12)] * 4),
}


@pytest.mark.parametrize("column", NO_NUMBERS.values(), ids=list(NO_NUMBERS))
def test_a_confidence_without_numbers_is_said_and_refused_by_name(
    tmp_path: Path, column: Any
) -> None:
    path = table(tmp_path / "log.parquet", "confidence", column)
    log = read(path)
    assert isinstance(log, Log)
    assert "confidence" not in log.unasked
    assert any(
        "'confidence' has the name of a signal and holds words or lists" in note
        for note in log.notes
    )
    first, *_ = problems_of(path, signals={"confidence": SignalSpec()})
    assert "signal 'confidence': " in first
    assert "no numbers" in first


SAID = [{"role": "user", "content": "hi"}]
TEXTS = {
    "large": (pa.array(["a", "b", "c", "d"], pa.large_string()), "a"),
    "view": (pa.array(["a", "b", "c", "d"], pa.string_view()), "a"),
    "dictionary": (pa.array(["a", "b", "a", "b"]).dictionary_encode(), "a"),
    "bytes": (pa.array([b"a", b"b", b"c", b"d"]), "a"),
    "large bytes": (pa.array([b"a", b"b", b"c", b"d"], pa.large_binary()), "a"),
    "no text": (pa.array([b"\xff\x00", b"b", b"c", b"d"]), "/wA="),
    "numbers": (pa.array([1, 2, 3, 4]), "1"),
    "lists": (pa.array([["a", "b"], ["c"], [], None]), "a,b"),
    "lists with nothing": (pa.array([["a", None], ["c"], [], None]), "a"),
    "list views": (pa.array([["a", "b"], ["c"], [], None], pa.list_(pa.string(), -1)), "a,b"),
    "structs": (pa.array([{"x": "a", "y": None}, {"x": "b", "y": 1}] * 2), '{"x":"a"}'),
    "messages": (pa.array([SAID] * 4), "hi"),
    "deep": (pa.array([[[["a"]]]] * 4), '[[["a"]]]'),
    "maps": (pa.array([[("a", "b")]] * 4, pa.map_(pa.string(), pa.string())), '[["a","b"]]'),
    "dates": (pa.array([dt.date(2024, 5, 1)] * 4), "2024-05-01"),
    "durations": (pa.array([dt.timedelta(seconds=5)] * 4, pa.duration("s")), "5"),
    "nothing": (pa.nulls(4), ""),
}  # fmt: skip


@pytest.mark.parametrize(("column", "first"), TEXTS.values(), ids=list(TEXTS))
def test_a_prompt_of_any_arrow_type_is_text(tmp_path: Path, column: Any, first: str) -> None:
    log = read(table(tmp_path / "log.parquet", "prompt", of_requests(column)))
    assert log.texts is not None
    assert log.texts.prompts(np.arange(1)) == [first]
    assert describe(log)["prompts"]["distinct"] >= 1


@pytest.mark.parametrize("column", [it for it, _ in TEXTS.values()], ids=list(TEXTS))
def test_a_task_of_any_arrow_type_is_text(tmp_path: Path, column: Any) -> None:
    log = read(table(tmp_path / "log.parquet", "task", of_requests(column)))
    assert log.requests.task is not None
    assert all(isinstance(it, str) for it in log.requests.task)


IDS = {
    "fixed bytes": ([uuid.UUID(int=5).bytes, uuid.UUID(int=1 << 127).bytes], pa.binary(16)),
    "uint64": ([2**63 + 1, 2**63 + 2], pa.uint64()),
    "int64": ([2**62 + 1, 2**62 + 2], pa.int64()),
    "bytes": ([b"a", b"b"], pa.binary()),
    "dates": ([dt.date(2024, 5, 1), dt.date(2024, 5, 2)], pa.date32()),
    "lists": ([["a", "1"], ["a", "2"]], pa.list_(pa.string())),
}


@pytest.mark.parametrize(("two", "kind"), IDS.values(), ids=list(IDS))
def test_ids_of_any_arrow_type_stay_apart(tmp_path: Path, two: list[Any], kind: Any) -> None:
    column = pa.array([two[0], two[0], two[1], two[1]], kind)
    log = read(table(tmp_path / "log.parquet", "request_id", column))
    assert len(set(log.requests.id)) == 2
    if kind == pa.binary(16):
        assert log.requests.id[0] == str(uuid.UUID(int=5))


def test_uuids_of_an_extension_type_are_ids(tmp_path: Path) -> None:
    bytes_of = [uuid.UUID(int=it).bytes for it in (5, 5, 7, 7)]
    column = pa.ExtensionArray.from_storage(pa.uuid(), pa.array(bytes_of, pa.binary(16)))
    log = read(table(tmp_path / "log.parquet", "request_id", column))
    assert log.requests.id.tolist() == [str(uuid.UUID(int=5)), str(uuid.UUID(int=7))]


FINE = [
    *("", None, "[]", "{}", "OK", "ok", "Success", "success.", "-", "none", "None", "null", "0"),
    *("false", "False", "no error", "No Error", "n/a", "nan", "0.0", "no", "200", "200 OK"),
    *("[null]", '{"code": null}', "{'code': None}", '{"code": 200, "message": "OK"}', "''"),
]
FAILED = ["timeout", "1", "true", "error", "500", '{"code": 500}', "['boom']", "yes", "[1]", "OK?"]


@pytest.mark.parametrize(("texts", "failed"), [(FINE, False), (FAILED, True)])
def test_an_error_that_says_that_all_is_well_is_no_failure(
    texts: list[str | None], failed: bool
) -> None:
    found = failures(pa.chunked_array([pa.array(texts)]))
    assert found.tolist() == [failed] * len(texts)


@pytest.mark.parametrize(
    ("values", "failed"),
    [
        ([[], ["boom"], None, [None]], [False, True, False, False]),
        ([{"code": None}, {"code": 500}, None, {"code": 0}], [False, True, False, False]),
        ([0, 1, None, 200], [False, True, False, False]),
        ([float("nan"), 2.0, None, 0.0], [False, True, False, False]),
        ([False, True, None, False], [False, True, False, False]),
        ([None, None, None, None], [False] * 4),
        ([{"a": {"b": []}}, {"a": {"b": ["x"]}}, None, {"a": None}], [False, True, False, False]),
    ],
)
def test_errors_of_any_type_fail_where_they_say_something(
    tmp_path: Path, values: list[Any], failed: list[bool]
) -> None:
    rows = with_column("error", values)
    for suffix in (".parquet", ".jsonl", ".json"):
        log = read(save_any(tmp_path / f"log{suffix}", rows))
        assert isinstance(log, Log)
        assert log.error.ravel().tolist() == failed


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_model_of_which_every_call_failed_is_said_first(tmp_path: Path, suffix: str) -> None:
    rows = with_column("error", ["down", None, "down", None])
    rows = [{**row, "sure": None} for row in rows]
    log = read(save_any(tmp_path / f"log{suffix}", rows))
    assert log.notes[0].startswith("every call of small failed, 2 of them")
    assert "it is 'down'" in log.notes[0]
    assert "`ignore=['error']`" in log.notes[0]
    assert not read(tmp_path / f"log{suffix}", ignore=["error"]).error.any()


@pytest.mark.parametrize(
    ("scale", "values", "found"),
    [
        ("1:5", [1, 5, 3, 2], [0, 1, 0.5, 0.25]),
        ("5:1", [1, 5, 3, 2], [1, 0, 0.5, 0.75]),
        ("0:100", ["50%", "100%", "0", "25"], [0.5, 1, 0, 0.25]),
        ((0, 10), [1, 10, 5, 2], [0.1, 1, 0.5, 0.2]),
        ("-1:1", [-1, 1, 0, 0.5], [0, 1, 0.5, 0.75]),
    ],
)
def test_a_scale_of_quality_is_brought_to_zero_and_one(
    tmp_path: Path, scale: Any, values: list[Any], found: list[float]
) -> None:
    for suffix in FORMATS:
        path = save_any(tmp_path / f"log{suffix}", with_column("quality", values))
        log = read(path, quality_scale=scale)
        assert isinstance(log, Log)
        np.testing.assert_allclose(log.quality, np.array(found).reshape(2, 2), atol=1e-15)


@pytest.mark.parametrize("scale", ["", "5", "1:1", "a:b", "1:2:3", "0:inf", (1,), 5])
def test_a_scale_that_is_none_is_refused(scale: Any) -> None:
    with pytest.raises(LogError, match="WORST:BEST"):
        scale_of(scale)


@pytest.mark.parametrize(
    ("values", "suggested"),
    [
        ([1, 5, 3, 2], "1:5"),
        ([0, 5, 3, 2], "0:5"),
        ([10, 90, 100, 0], "0:100"),
        ([-1, 1, 0, 0.5], "-1:1"),
    ],
)
def test_a_quality_of_another_scale_is_told_its_scale(
    tmp_path: Path, values: list[float], suggested: str
) -> None:
    first, *_ = problems_of(save(tmp_path / "log.csv", with_column("quality", values)))
    assert f"`quality_scale='{suggested}'`" in first


def test_a_quality_off_by_rounding_is_clipped_and_said(tmp_path: Path) -> None:
    rows = with_column("quality", [1.0000001, -1e-9, 0.5, 1])
    for suffix in FORMATS:
        log = read(save_any(tmp_path / f"log{suffix}", rows))
        assert isinstance(log, Log)
        assert log.quality.tolist() == [[1.0, 0.0], [0.5, 1.0]]
        assert any("off [0, 1] by rounding on 2 rows" in note for note in log.notes)
    first, *_ = problems_of(save(tmp_path / "log.csv", with_column("quality", [1.001, 1, 0, 1])))
    assert "quality is 1.001" in first


NOON = 1714564800.0
CLOCK = [dt.datetime(2024, 5, 1, 12)] * 4
TIMES = {
    "seconds": pa.array([1714564800] * 4),
    "milliseconds": pa.array([1714564800000] * 4),
    "microseconds": pa.array([1714564800000000] * 4),
    "nanoseconds": pa.array([1714564800000000000] * 4),
    "float": pa.array([1714564800.0] * 4),
    "text of milliseconds": pa.array(["1714564800000"] * 4),
    "ISO": pa.array(["2024-05-01T12:00:00"] * 4),
    "ISO with a zone": pa.array(["2024-05-01T14:00:00+02:00"] * 4),
    "ISO with Z": pa.array(["2024-05-01T12:00:00Z"] * 4),
    "a blank": pa.array(["2024-05-01 12:00:00"] * 4),
    "UTC": pa.array(["2024-05-01 12:00:00 UTC"] * 4),
    "slashes": pa.array(["2024/05/01 12:00:00"] * 4),
    "timestamp s": pa.array(CLOCK, pa.timestamp("s")),
    "timestamp ns": pa.array(CLOCK, pa.timestamp("ns")),
    "timestamp with a zone": pa.array(CLOCK, pa.timestamp("us", "Europe/Berlin")),
    "dictionary": pa.array(["2024-05-01T12:00:00"] * 4).dictionary_encode(),
    "large text": pa.array(["2024-05-01T12:00:00"] * 4, pa.large_string()),
}  # fmt: skip


@pytest.mark.parametrize("column", TIMES.values(), ids=list(TIMES))
def test_a_time_is_a_time_in_any_unit_and_type(tmp_path: Path, column: Any) -> None:
    log = read(table(tmp_path / "log.parquet", "timestamp", column))
    assert log.requests.timestamp_s is not None
    assert log.requests.timestamp_s.tolist() == [NOON, NOON]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([dt.date(2024, 5, 1)] * 4, pa.date32()),
        pa.array([dt.date(2024, 5, 1)] * 4, pa.date64()),
        pa.array(["2024-05-01"] * 4),
        pa.array(["20240501"] * 4),
        pa.array([20240501] * 4),
    ],
)
def test_a_date_is_its_midnight(tmp_path: Path, column: Any) -> None:
    log = read(table(tmp_path / "log.parquet", "timestamp", column))
    assert log.requests.timestamp_s is not None
    assert log.requests.timestamp_s.tolist() == [NOON - 43200] * 2


@pytest.mark.parametrize(
    "column",
    [
        pa.array([dt.timedelta(seconds=5)] * 4, pa.duration("s")),
        pa.array([dt.time(12)] * 4, pa.time32("s")),
        pa.array([True] * 4),
        pa.array([[1]] * 4),
        pa.array(["01/05/2024"] * 4),
        pa.array(["yesterday"] * 4),
        pa.array([1714564800, 1714564800000] * 2),
    ],
)
def test_what_is_no_time_is_refused_with_the_row(tmp_path: Path, column: Any) -> None:
    first, *_ = problems_of(table(tmp_path / "log.parquet", "timestamp", column))
    assert "row 1 " in first
    assert "timestamp is " in first
    assert "an ISO time or Unix seconds" in first


def test_times_of_calls_become_the_earliest_of_a_request(tmp_path: Path) -> None:
    for suffix in FORMATS:
        rows = with_column("timestamp", [7.0, 5.0, 9.0, 9.0])
        log = read(save_any(tmp_path / f"log{suffix}", rows))
        assert log.requests.timestamp_s is not None
        assert log.requests.timestamp_s.tolist() == [5.0, 9.0]
        assert any("1 requests have several timestamps" in note for note in log.notes)


@pytest.mark.parametrize("nest", ["data", "rows"])
def test_json_under_one_name_is_a_log(tmp_path: Path, nest: str) -> None:
    (tmp_path / "log.json").write_text(json.dumps({"version": 1, nest: ROWS}))
    assert len(read(tmp_path / "log.json")) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"a": ROWS, "b": ROWS}, "'a', 'b' could all be the log"),
        ({"a": 1}, "no array of objects under any of its names (a)"),
        ([*ROWS, 5], "item 5: int where an object is expected"),
        ([], "no rows"),
        (5, "int where an array is expected"),
        ({name: [row[name] for row in ROWS] for name in ROWS[0]}, "no array of objects"),
    ],
)
def test_json_that_is_no_log_is_refused(tmp_path: Path, content: Any, says: str) -> None:
    (tmp_path / "log.json").write_text(json.dumps(content))
    first, *_ = problems_of(tmp_path / "log.json")
    assert says in first


def test_json_lines_in_a_json_file_are_a_log(tmp_path: Path) -> None:
    save(tmp_path / "log.jsonl", ROWS).rename(tmp_path / "log.json")
    assert len(read(tmp_path / "log.json")) == 2


def test_an_array_in_a_json_lines_file_is_a_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(ROWS, indent=1))
    assert len(read(tmp_path / "log.jsonl")) == 2


@pytest.mark.parametrize("depth", [50, 300, 900, 5000])
def test_deep_nesting_is_text_or_refused_by_line(tmp_path: Path, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    lines = [json.dumps(row)[:-1] + f', "prompt": {deep}}}\n' for row in ROWS]
    for name in ("log.jsonl", "log.json"):
        (tmp_path / name).write_text("".join(lines))
        if depth > 1000:
            assert "line 1: nested too deeply" in problems_of(tmp_path / name)[0]
        elif depth > 64:
            said = "line 1: lists and objects lie more than 64 deep in one another"
            assert said in problems_of(tmp_path / name)[0]
        else:
            texts = read(tmp_path / name).texts
            assert texts is not None
            assert texts.prompts(np.arange(1)) == [deep]


@pytest.mark.parametrize(
    ("begin", "says"),
    [
        (b"\xff\xfer\x00", "is UTF-16"),
        (b"\x1f\x8b\x08", "is compressed by gzip"),
        (b"PK\x03\x04", "is a zip archive, or a spreadsheet"),
        (b"PAR1", "is a Parquet file; name it log.parquet"),
    ],
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, begin: bytes, says: str) -> None:
    for suffix in (".csv", ".jsonl", ".json"):
        (tmp_path / f"log{suffix}").write_bytes(begin + b"more")
        assert says in problems_of(tmp_path / f"log{suffix}")[0]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_byte_order_marks_and_line_ends_change_nothing(
    tmp_path: Path, mark: bytes, end: bytes, suffix: str
) -> None:
    path = save_any(tmp_path / f"log{suffix}", ROWS)
    path.write_bytes(mark + path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", end))
    log = read(path)
    assert log.requests.id.tolist() == ["001", "002"]


def test_a_sheet_of_grades_is_a_log_of_the_models_that_are_named(tmp_path: Path) -> None:
    rows = [
        {"id": f"r{at}", "prompt": f"p{at}", "small": grade, "gpt-4, big": 5, "note": "x"}
        for at, grade in enumerate([1, 3, 5])
    ]
    for suffix in FORMATS:
        path = save_any(tmp_path / f"log{suffix}", rows)
        log = read(path, models=["small", "gpt-4, big"], quality_scale="1:5")
        assert isinstance(log, Log)
        assert log.models == ("small", "gpt-4, big")
        assert log.quality.tolist() == [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
        assert "`models=['MODEL', 'MODEL']`" in " ".join(problems_of(path))


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_rows_of_a_sheet_without_ids_are_its_requests(suffix: str, tmp_path: Path) -> None:
    rows = [{"ask": f"p{at % 2}", "small": grade, "large": 1} for at, grade in enumerate([1, 0, 1])]
    path = save_any(tmp_path / f"log{suffix}", rows)
    (told,) = problems_of(path, models=["small", "large"])
    assert "; or number the rows: `columns={'request_id': ''}`" in told
    log = read(path, models=["small", "large"], columns={"request_id": "", "prompt": "ask"})
    assert isinstance(log, Log)
    assert log.requests.id.tolist() == ["1", "2", "3"]
    assert log.quality.tolist() == [[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    assert log.texts is not None
    assert log.texts.prompts(range(3)) == ["p0", "p1", "p0"]


def test_a_sheet_of_grades_may_be_described_beside_it(tmp_path: Path) -> None:
    rows = [{"id": f"r{at}", "a": at, "b": 2, "secret": 1} for at in range(3)]
    (tmp_path / "log.log.toml").write_text(
        'models = ["a", "b"]\nquality_scale = "0:2"\nignore = ["secret"]\n'
    )
    log = read(save(tmp_path / "log.csv", rows))
    assert isinstance(log, Log)
    assert log.quality.tolist() == [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]


def test_any_column_can_be_left_out(tmp_path: Path) -> None:
    rows = with_column("timestamp", ["never"] * 4)
    rows = [{**row, "prompt": "p", "judge": 3} for row in rows]
    for suffix in FORMATS:
        path = save_any(tmp_path / f"log{suffix}", rows)
        log = read(path, ignore=["timestamp", "judge", "prompt"])
        assert isinstance(log, Log)
        assert list(log.unasked) == ["sure"]
        assert log.requests.timestamp_s is None
        assert log.texts is None
        assert read(path, columns={"timestamp": ""}).requests.timestamp_s is None
        assert (
            "no column 'judges' to ignore; the columns are"
            in problems_of(path, ignore=["judges", "timestamp"])[0]
        )


def runs(prompts: list[str], own: bool = True) -> list[dict[str, Any]]:
    """Two models' answers to the prompts, each row with an id of its own, or none."""
    return [
        {"request_id": f"run-{m}-{at}", "model": m, "quality": at % 2, "cost_usd": 1, "prompt": it}
        for m in ("small", "big")
        for at, it in enumerate(prompts)
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_rows_with_ids_of_their_own_are_matched_by_prompt(tmp_path: Path, suffix: str) -> None:
    log = read(save_any(tmp_path / f"log{suffix}", runs(["one", "two", "three"])))
    assert isinstance(log, Log)
    assert log.requests.id.tolist() == ["run-small-0", "run-small-1", "run-small-2"]
    assert not np.isnan(log.quality).any()
    assert "every row has a request_id of its own (6 rows)" in log.notes[0]
    assert "3 in all" in log.notes[0]


def test_rows_that_prompts_do_not_tell_apart_are_said_with_the_way_out(tmp_path: Path) -> None:
    log = read(save(tmp_path / "log.csv", runs(["same", "same", "three"])))
    assert len(log) == 6
    assert "2 prompts were answered by a model more than once" in log.notes[0]
    assert "`columns={'request_id': 'COLUMN'}`" in log.notes[0]


def test_a_log_without_ids_is_matched_by_prompt_where_that_is_asked_for(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "request_id"} for row in runs(["one", "two"])]
    path = save(tmp_path / "log.csv", rows)
    assert "`columns={'request_id': ''}`" in problems_of(path)[0]
    log = read(path, columns={"request_id": ""})
    assert len(log) == 2
    assert not np.isnan(log.quality).any()
    same = read(save(tmp_path / "log.jsonl", rows), columns={"request_id": ""})
    assert same.requests.id.tolist() == log.requests.id.tolist()
    twice = save(tmp_path / "twice.csv", [*rows, rows[0]])
    assert "answered by a model more than once" in problems_of(twice, columns={"request_id": ""})[0]


def test_ids_that_start_anew_for_each_model_are_refused(tmp_path: Path) -> None:
    rows = runs(["one", "two", "three"])
    for at, row in enumerate(rows):
        row["request_id"] = f"r{at % 3}"
        row["prompt"] = row["prompt"] if at < 3 else ["two", "three", "one"][at % 3]
    for suffix in FORMATS:
        path = save_any(tmp_path / f"log{suffix}", rows)
        (problem,) = problems_of(path)
        assert "3 of 3 rows have another prompt than the first row of their request" in problem
        log = read(path, columns={"request_id": ""})
        assert isinstance(log, Log)
        assert len(log) == 3
        assert not np.isnan(log.quality).any()


def test_a_few_prompts_that_differ_are_noted(tmp_path: Path) -> None:
    rows = runs(["one", "two", "three"])
    for at, row in enumerate(rows):
        row["request_id"] = f"r{at % 3}"
    rows[5]["prompt"] = "drei"
    log = read(save(tmp_path / "log.csv", rows))
    assert any("1 of 3 rows have another prompt" in note for note in log.notes)


WIDE = {
    "plain": [0.5, 1.0, 0.0],
    "text": ["0.5", "1", "0"],
    "comma": ["0,5", "1,0", "0,0"],
    "percent": ["50%", "100%", "0%"],
    "decimal": [Decimal("0.5"), Decimal("1.0"), Decimal("0.0")],
    "rounding": [0.5, 1.0000001, -1e-9],
}


@pytest.mark.parametrize("values", WIDE.values(), ids=list(WIDE))
@pytest.mark.parametrize("other", WIDE.values(), ids=list(WIDE))
def test_batches_hold_what_the_whole_holds(
    tmp_path: Path, values: list[Any], other: list[Any]
) -> None:
    columns = {
        "id": ["a", "b", "c"], "prompt": ["p", "q", "r"], "x": values, "x|cost": [1.0, 1.0, 2.0],
        "y": other, "y|cost": [3, 3, 3], "x|error": [0.0, 1.0, 200.0], "y|sure": values,
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    whole = read(tmp_path / "log.parquet", signals={"sure": SignalSpec()})
    assert isinstance(whole, Log)
    batches = open_batches(tmp_path / "log.parquet", signals={"sure": SignalSpec()})
    parts = [it for _, it in batches.logs(0)]
    for name in ("quality", "cost_usd", "error"):
        found = np.concatenate([getattr(it, name) for it in parts])
        np.testing.assert_array_equal(found, getattr(whole, name))
    found = np.concatenate([it.signals["sure"] for it in parts])
    np.testing.assert_array_equal(found, whole.signals["sure"])
    assert whole.quality.tolist() == [[0.5, 0.5], [0.0, 1.0], [0.0, 0.0]]
    rounded = [it for it in (values, other) if it is WIDE["rounding"]]
    assert any("rounding" in note for it in (whole, *parts) for note in it.notes) == bool(rounded)
