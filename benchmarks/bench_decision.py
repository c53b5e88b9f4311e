"""One learned decision, features included, and loading the policy that makes it.

Times are processor time of the thread that decides: nothing in a decision waits, and other
work on the machine is not what is measured. The baseline is scikit-learn's usual pipeline for
the same words and pairs, on the same prompts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from routelab.core import Request
from routelab.core.catalogue import Catalogue
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, load, write
from routelab.scorers import Blend, Linear, ScorerSet, Trees, flatten_trees, linear, trees
from routelab.scorers import to_wire as scorer_to_wire
from routelab.scorers.kernels import plain as kernels
from routelab.signals.features import HashedWords, Numbers, words
from routelab.signals.features import to_wire as feature_to_wire
from routelab.signals.features.words import plain

MODELS = ("small", "large")
WORDS, NUMBERS = HashedWords(bits=16, idf="words.idf"), Numbers()
TREES, DEPTH = 150, 4
LEXICON = 30_000


def tensors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random weights: how long a decision takes does not depend on what it is."""
    columns = 2**WORDS.bits + len(NUMBERS.names)
    made = {"words.idf": rng.lognormal(size=2**WORDS.bits)}
    for name, width in (("linear", columns), ("words_only", 2**WORDS.bits)):
        made[f"{name}.weights"] = rng.normal(size=(width, len(MODELS)))
        made[f"{name}.bias"] = rng.normal(size=len(MODELS))
    forest = flatten_trees([(0.0, [tree(rng) for _ in range(TREES)]) for _ in MODELS])
    return made | {f"trees.{name}": array for name, array in forest.items()}


def tree(rng: np.random.Generator) -> np.ndarray:
    """A full tree over the numbers, as scikit-learn lays its nodes out."""
    inner = 2**DEPTH - 1
    here = np.arange(2 * inner + 1)
    columns = {
        "value": rng.normal(size=len(here)),
        "feature_idx": rng.integers(0, len(NUMBERS.names), len(here)),
        "num_threshold": rng.uniform(0.0, 6.0, len(here)),
        "missing_go_to_left": here % 2,
        "left": 2 * here + 1,
        "right": 2 * here + 2,
        "is_leaf": here >= inner,
        "is_categorical": np.zeros(len(here)),
    }
    return np.rec.fromarrays(list(columns.values()), names=list(columns))


def document() -> Document:
    fitted = {"target": "quality", "outputs": MODELS}
    scorers = {
        "linear": Linear(**fitted, features=("words", "numbers"), tensors="linear", link="logit"),
        "words_only": Linear(**fitted, features=("words",), tensors="words_only", link="logit"),
        "trees": Trees(**fitted, features=("numbers",), tensors="trees", link="logit"),
        "blend": Blend(**fitted, parts=("words_only", "trees"), weights=(0.5, 0.5), scale="logit"),
    }
    return Document(
        name="bench",
        policy=to_wire(Fixed("small")),
        candidates=MODELS,
        catalogue=Catalogue(),
        features={"words": feature_to_wire(WORDS), "numbers": feature_to_wire(NUMBERS)},
        scorers={name: scorer_to_wire(scorer) for name, scorer in scorers.items()},
    )


def prompts(rng: np.random.Generator, characters: int, count: int) -> list[Request]:
    """Different texts of so many characters, of words as frequent as words are (Zipf)."""
    lexicon = [
        "".join(chr(97 + letter) for letter in rng.integers(0, 26, rng.integers(2, 11)))
        for _ in range(LEXICON)
    ]
    made = []
    for index in range(count):
        ranks = np.minimum(rng.zipf(1.3, characters // 2), LEXICON) - 1
        text = ". What is ".join(
            " ".join(lexicon[r] for r in part) for part in ranks.reshape(-1, 10)
        )
        made.append(Request(str(index), ({"role": "user", "content": text[:characters]},)))
    return made


def run() -> list[tuple[str, float, str, bool]]:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.policy"
        made = tensors(rng)
        write(path, document(), "# bench\n", made)
        loading = 1e3 * min(_seconds(load, path) for _ in range(15))
        scoring = load(path).scoring
    usual, long = prompts(rng, 1000, 1500), prompts(rng, 8000, 500)
    results = []
    for name, requests, p50, p99 in (
        ("words_only", usual, 60, 250),
        ("linear", usual, 60, 250),
        ("trees", usual, None, 400),
        ("blend", usual, 150, 500),
        ("linear", long, None, 1500),
        ("trees", long, None, 1500),
        ("blend", long, None, 1500),
    ):
        taken = 1e6 * np.array([_seconds(scoring.score, name, it) for it in requests * 2])
        size = len(requests[0].messages[0]["content"])
        for share, target in ((50, p50), (99, p99)):
            if target is not None:
                value = float(np.percentile(taken, share))
                label = f"decide_{name}_{size}_chars_p{share}_us"
                results.append((label, value, f"<={target}", value <= target))
    decided = decided_us(scoring, "linear", usual)
    plainly = {name: getattr(plain, name) for name in words.__all__}
    with mock.patch.multiple(words, **plainly), mock.patch.object(linear, "dot", kernels.dot):
        uncompiled = decided_us(scoring, "linear", usual)
    plain_walk = mock.patch.object(trees, "Walk", kernels.PlainWalk)
    with tempfile.TemporaryDirectory() as folder, plain_walk:
        write(Path(folder) / "bench.policy", document(), "# bench\n", made)
        walked = decided_us(load(Path(folder) / "bench.policy").scoring, "trees", usual)
    ratio = decided / baseline_us(rng, usual)
    return [
        *results,
        ("decide_linear_1000_chars_uncompiled_p50_us", uncompiled, "-", True),
        ("decide_trees_1000_chars_uncompiled_walk_p50_us", walked, "-", True),
        ("decide_linear_1000_chars_ratio_to_sklearn", ratio, "<=0.1", ratio <= 0.1),
        ("load_policy_ms", loading, "<=10", loading <= 10),
    ]


def decided_us(scoring: ScorerSet, name: str, requests: list[Request]) -> float:
    """Median of one decision."""
    return 1e6 * statistics.median(_seconds(scoring.score, name, it) for it in requests)


def baseline_us(rng: np.random.Generator, requests: list[Request]) -> float:
    """Median of one prediction by TF-IDF of words and pairs, and logistic regression."""
    texts = [request.messages[0]["content"] for request in requests]
    words = TfidfVectorizer(ngram_range=(1, 2), max_features=2**WORDS.bits)
    fitted = make_pipeline(words, LogisticRegression())
    fitted.fit(texts, rng.integers(0, 2, len(texts)))
    return 1e6 * statistics.median(_seconds(fitted.predict_proba, [text]) for text in texts[:300])


def _seconds(function, *arguments) -> float:
    start = time.thread_time_ns()
    function(*arguments)
    return (time.thread_time_ns() - start) / 1e9
