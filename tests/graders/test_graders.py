"""Every grader: what answers are worth, and what cannot be told."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab import graders
from routelab.errors import GradingError
from routelab.graders import Case, grader_of
from routelab.testing import GraderConformance

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TABLES = "CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (2, 'z');"


def case(answer: str, *references: str, **columns: object) -> Case:
    return Case(answer, references, columns)


def by_length(answer, references, columns):
    return len(answer) / columns["most"]


def on_five(answer, references, columns):
    return 4


def raising(answer, references, columns):
    raise KeyError("nothing here")


def hanging(answer, references, columns):
    time.sleep(30)


def wordy(answer, references, columns):
    return "very good"


def named(function: str, **fields: object) -> graders.FunctionGrade:
    return graders.FunctionGrade(function=f"{__name__}:{function}", **fields)


NUMERIC, CHOICE = graders.NumericMatch(), graders.MultipleChoice()
SQL = graders.SqlResult(setup=TABLES)
GRADES = [
    (graders.ExactMatch(), case(" Paris\n", "Paris"), 1),
    (graders.ExactMatch(), case("paris", "Paris"), 0),
    (graders.ExactMatch(after="####"), case("3 #### 4 #### 12", "12"), 1),
    (graders.ExactMatch(after="Answer:"), case("I think\nANSWER: x", "x"), 1),
    (graders.NormalisedMatch(), case("The Eiffel-Tower!", "eiffeltower"), 1),
    (graders.NormalisedMatch(), case("a cat", "the  Cat."), 1),
    (graders.NormalisedMatch(), case("e\u0301te\u0301", "\u00e9t\u00e9"), 1),
    (NUMERIC, case("It takes 5 days, so she earns $1,234.50.", "1234.5"), 1),
    (NUMERIC, case("12 and then 13", "12"), 0),
    (NUMERIC, case("The total is \\boxed{\\frac{3}{4}} of 12", "0.75"), 1),
    (NUMERIC, case("so 50%", "0.5"), 1),
    (NUMERIC, case("so 50%", "50"), 1),
    (NUMERIC, case("so 50", "0.5"), 0),
    (NUMERIC, case("\u22127", "-7"), 1),
    (NUMERIC, case("1/3", "0.333"), 0),
    (NUMERIC, case("no idea", "3"), 0),
    (NUMERIC, case("6.02e23", "602000000000000000000000"), 1),
    (NUMERIC, case("the year v2.3.4 of 7", "7"), 1),
    (graders.NumericMatch(relative=0.01), case("3.14", "3.1416"), 1),
    (graders.NumericMatch(absolute=1), case("99", "100"), 1),
    (graders.NumericMatch(absolute=1), case("98", "100"), 0),
    (CHOICE, case("C", "C"), 1),
    (CHOICE, case("(c).", "C"), 1),
    (CHOICE, case("A good question. The answer is (B).", "(B)"), 1),
    (CHOICE, case("The answer is A, no: the answer is **D**", "D"), 1),
    (CHOICE, case("B. Because A is wrong.", "B"), 1),
    (CHOICE, case("I would say that (A) is out, which leaves (C)", "C"), 1),
    (CHOICE, case("\\boxed{E}", "E"), 1),
    (CHOICE, case("C\n\nA is out, as it names no year.", "C"), 1),
    (CHOICE, case("Both are near.\nAnswer: c.", "C"), 1),
    (CHOICE, case("The answer is a matter of taste", "A"), 0),
    (CHOICE, case("A dog is an animal.", "A"), 0),
    (CHOICE, case("The answer is Apple", "A"), 0),
    (CHOICE, case("I do not know", "A"), 0),
    (graders.TokenF1(), case("the cat sat", "cat sat down"), 0.8),
    (graders.TokenF1(), case("x x y y", "y y y"), 2 * (1 / 2) * (2 / 3) / (7 / 6)),
    (graders.TokenF1(), case("x", "y", "x z"), 2 / 3),
    (graders.TokenF1(), case("the", ""), 1),
    (graders.Substring(), case("It is  new\nYORK, I think", "New York"), 1),
    (graders.Substring(), case("15", "5"), 0),
    (graders.Substring(whole_words=False), case("15", "5"), 1),
    (graders.Substring(case=True), case("paris", "Paris"), 0),
    (graders.JsonMatch(), case('```json\n{"b": 1.0, "a": [1, 2]}\n```', '{"a":[1,2],"b":1}'), 1),
    (graders.JsonMatch(), case('{"a": [2, 1]}', '{"a": [1, 2]}'), 0),
    (graders.JsonMatch(), case('{"a": 1, "c": 2}', '{"a": 1}'), 0),
    (graders.JsonMatch(subset=True), case('{"a": 1, "c": 2}', '{"a": 1}'), 1),
    (graders.JsonMatch(), case("true", "1"), 0),
    (graders.JsonMatch(), case("{'a': 1}", '{"a": 1}'), 0),
    (graders.JsonFit(schema=SCHEMA), case('{"n": 3}'), 1),
    (graders.JsonFit(schema=SCHEMA), case('{"n": "3"}'), 0),
    (graders.JsonFit(), case('{"n": 3}', json.dumps(SCHEMA)), 1),
    (graders.PatternSearch(regex=r"\b\d{4}\b"), case("in 1999"), 1),
    (graders.PatternSearch(), case("in 1999", r"\A\d+\Z"), 0),
    (graders.PatternSearch(regex="TODO", absent=True), case("done"), 1),
    (graders.PatternSearch(absent=True), case("done", "TODO", "FIXME"), 1),
    (graders.PatternSearch(absent=True), case("FIXME", "TODO", "FIXME"), 0),
    (SQL, case("```sql\nSELECT b FROM t WHERE a = 2\n```", "SELECT b FROM t WHERE a > 1"), 1),
    (SQL, case("SELECT b FROM t ORDER BY b DESC", "SELECT b FROM t"), 1),
    (SQL, case("SELECT b FROM t ORDER BY b DESC", "SELECT b FROM t ORDER BY b"), 0),
    (SQL, case("SELECT b FROM t ORDER BY b", "SELECT b FROM t ORDER BY UPPER(b) DESC"), 0),
    (SQL, case("SELECT b FROM t", "SELECT b FROM (SELECT b FROM t ORDER BY b DESC) AS u"), 1),
    (SQL, case("SELECT b FROM t", "SELECT b FROM t WHERE a <> 'order by ('"), 1),
    (SQL, case("SELECT DISTINCT a FROM t", "SELECT a FROM t"), 0),
    (SQL, case("SELECT 4.0", "SELECT 2 + 2"), 1),
    (SQL, case("SELEC b", "SELECT b FROM t"), 0),
    (SQL, case("DELETE FROM t", "SELECT b FROM t WHERE a = 9"), 0),
    (SQL, case("ATTACH '/etc/passwd' AS p", "SELECT 1"), 0),
    (SQL, case("SELECT load_extension('x')", "SELECT 1"), 0),
    (
        graders.SqlResult(setup_column="db"),
        case("SELECT a FROM u", "SELECT 7", db="CREATE TABLE u (a); INSERT INTO u VALUES (7)"),
        1,
    ),
    (named("by_length"), case("four", most=8), 0.5),
    (named("on_five", scale="1:5"), case("x"), 0.75),
    (graders.UserFeedback(column="stars", scale="1:5"), case("x", stars=4), 0.75),
    (graders.UserFeedback(column="stars", scale="5:1"), case("x", stars="4"), 0.25),
    (graders.UserFeedback(column="verdict"), case("x", verdict="Passed"), 1),
    (graders.UserFeedback(column="verdict"), case("x", verdict=False), 0),
]  # fmt: skip
UNTOLD = [
    (graders.ExactMatch(), case("x"), "no reference"),
    (NUMERIC, case("3", "three"), "'three' is no number"),
    (CHOICE, case("A", "Paris"), "'Paris' is none of the letters"),
    (graders.Substring(), case("x", " "), "the reference is empty"),
    (graders.JsonMatch(), case("1", "{"), "the reference is not JSON"),
    (graders.JsonFit(), case("1", "[]"), "give an object"),
    (graders.JsonFit(), case("1"), "neither a schema nor a reference"),
    (graders.PatternSearch(), case("x", "("), "is no regex"),
    (graders.PatternSearch(), case("x", "(a+)+b"), "exponential time"),
    (SQL, case("SELECT 1", "SELECT nothing"), "the reference query fails"),
    (graders.SqlResult(setup="CREATE"), case("SELECT 1", "SELECT 1"), "tables cannot be made"),
    (graders.SqlResult(setup_column="db"), case("x", "y"), "no column 'db'"),
    (named("raising"), case("x"), "KeyError"),
    (named("wordy"), case("x"), "no number"),
    (named("hanging", timeout_s=0.05), case("x"), r"no grade in 0\.05 s"),
    (named("nowhere"), case("x"), "cannot be imported"),
    (named("on_five"), case("x"), "4 is not on the scale 0:1"),
    (graders.UserFeedback(column="stars"), case("x"), "no column 'stars'"),
    (graders.UserFeedback(column="stars"), case("x", stars=None), "nobody rated"),
    (graders.UserFeedback(column="stars"), case("x", stars=4), "not on the scale 0:1"),
    (graders.UserFeedback(column="stars"), case("x", stars="meh"), "neither a number nor a word"),
    (graders.UnitTests(), case("x = 1"), "there are no tests"),
]


class TestEveryGrader(GraderConformance):
    grades = GRADES
    untold = UNTOLD


@pytest.mark.parametrize("kind", graders.KINDS)
def test_every_kind_has_an_example(kind):
    assert any(isinstance(it, kind) for it, _, _ in (*GRADES, *UNTOLD))


def brute_f1(said: list[str], right: list[str]) -> float:
    """As SQuAD's script computes it, with words matched one by one."""
    left, same = list(right), 0
    for word in said:
        if word in left:
            left.remove(word)
            same += 1
    if not said or not right:
        return float(said == right)
    if same == 0:
        return 0.0
    precision, recall = same / len(said), same / len(right)
    return 2 * precision * recall / (precision + recall)


words = st.lists(st.sampled_from(["x", "y", "z", "w"]), max_size=8)


@given(words, words)
def test_token_f1_is_that_of_matching_word_by_word(said, right):
    found = graders.TokenF1().compare(" ".join(said), " ".join(right))
    assert found == pytest.approx(brute_f1(said, right))
    assert found == graders.TokenF1().compare(" ".join(right), " ".join(said))


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_a_number_is_read_however_it_is_written(whole, places):
    value = whole / 10**places
    for text in (f"{value:,.{places}f}", f"$ {value:.{places}f}", f"{value!r}"):
        assert NUMERIC.compare(f"the answer is {text}.", repr(value)) == 1.0


rows = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab")), max_size=6)


@given(rows, rows)
def test_results_are_equal_as_rows_with_counts(one, other):
    def query(found):
        if not found:
            return "SELECT 1 WHERE 0"
        return "SELECT * FROM (VALUES " + ", ".join(f"({a}, '{b}')" for a, b in found) + ")"

    grade = graders.SqlResult().grade(case(query(one), query(other)))
    assert grade == float(Counter(one) == Counter(other))


@pytest.mark.parametrize(
    "query",
    [
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
        "WITH RECURSIVE c(x) AS (SELECT zeroblob(9999999) UNION ALL SELECT x FROM c)"
        " SELECT x FROM c",
        "SELECT zeroblob(2000000000)",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
    ],
)  # fmt: skip
def test_a_query_without_end_is_wrong_and_ends(query):
    grader = graders.SqlResult(setup=TABLES, time_s=0.3)
    assert grader.grade(case(query, "SELECT 1")) == 0.0


def test_a_pattern_that_takes_long_is_no_grade_of_nought():
    grader = graders.PatternSearch(regex=r"[ab]*[ac]*[ad]*[ae]*[af]*[ag]*x")
    with pytest.raises(GradingError, match="no verdict"):
        grader.grade(case("a" * 3_000))


def test_a_function_that_hangs_is_not_called_for_ever():
    grader = named("hanging", timeout_s=0.01)
    said = set()
    for _ in range(12):
        with pytest.raises(GradingError) as raised:
            grader.grade(case("x"))
        said.add(str(raised.value))
    assert any("not called any more" in it for it in said)


@pytest.mark.parametrize(
    ("text", "grader"),
    [
        ("exact", graders.ExactMatch()),
        ("exact:after=Answer:", graders.ExactMatch(after="Answer:")),
        ("numeric:relative=0.01,absolute=2", graders.NumericMatch(relative=0.01, absolute=2)),
        ("feedback:stars", graders.UserFeedback(column="stars")),
        ("feedback:column=stars,scale=1:5", graders.UserFeedback(column="stars", scale="1:5")),
        ("function:acme.grading:score", graders.FunctionGrade(function="acme.grading:score")),
        (r"pattern:\d{1,3}", graders.PatternSearch(regex=r"\d{1,3}")),
        ("pattern:x=1", graders.PatternSearch(regex="x=1")),
        (r"pattern:regex=a{1,3},absent=true", graders.PatternSearch(regex="a{1,3}", absent=True)),
        ('{"kind": "json", "subset": true}', graders.JsonMatch(subset=True)),
    ],
)
def test_a_grader_is_written_in_a_line(text, grader):
    assert grader_of(text) == grader


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("exakt", "exact"),
        ("numeric:relative=-1", "a tolerance is 0 or more"),
        ("numeric:relative=much", "Expected `float`"),
        ("feedback", "missing required field `column`"),
        ("feedback:column=stars,scale=1-5", "not WORST:BEST"),
        ("function:score", "not MODULE:NAME"),
        ("exact:aftr=####", "no field 'aftr'; write 'after', or after=aftr=#### if all of it"),
        ("pattern:(", "is no regex"),
        ('{"kind": "json"', "not valid JSON"),
        ("unit-tests:time_s=0", r"lies in \(0, 600\]"),
        ("multiple-choice:letters=AA", "give each choice a letter"),
    ],
)
def test_a_grader_that_is_none_is_told(text, why):
    with pytest.raises(GradingError, match=why):
        grader_of(text)
