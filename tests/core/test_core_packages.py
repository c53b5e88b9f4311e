"""Kinds of other packages: found by entry point, imported only when named, kept apart."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from packages_world import EXAMPLE, FIXED, always, installed, installed_example

from routelab import policies, scorers, signals
from routelab.cli import main
from routelab.core import packages
from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.packages import use
from routelab.core.request import Request
from routelab.core.signal_spec import SignalSpec
from routelab.errors import (
    PackageError,
    PolicyError,
    PolicyFileError,
    TuningError,
    UnnamedPackageError,
)
from routelab.gates import REGISTRY as GATES
from routelab.logs.write import write as write_log
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, Origin, load, write
from routelab.policy_file.__main__ import main as base_main
from routelab.runtime import Router
from routelab.signals import features
from routelab.tuning import Options

PROJECT = Path(__file__).parents[2]


def saved(path: Path, policy: dict) -> Path:
    """A policy directory of one model; kinds of other packages must be in use."""
    document = Document(
        name="acme",
        policy=policy,
        candidates=("small",),
        catalogue=Catalogue(
            {
                "small": Model(
                    deployments=(Deployment(model="small", base_url="http://model.test/v1"),)
                )
            }
        ),
    )
    write(path, document, "# acme\n")
    return path


def test_a_file_imports_nothing_and_says_which_package_to_name(site, tmp_path, monkeypatch, capsys):
    always(site)
    use("acme-routing")
    path = saved(tmp_path / "acme.policy", {"kind": "always", "model": "small"})
    monkeypatch.setattr(packages, "_used", ())
    del sys.modules["acme_routing"]
    with pytest.raises(PolicyFileError) as caught:
        load(path)
    (said,) = caught.value.problems
    assert "kind 'always' is brought by the package acme-routing 1.0" in said
    assert str(path) in said
    assert "`packages=['acme-routing']`" in said
    assert base_main([str(path)]) == 2
    assert "if you trust it: --package acme-routing\n" in capsys.readouterr().err
    assert "acme_routing" not in sys.modules
    loaded = load(path, packages=["Acme.Routing"])
    assert loaded.policy == sys.modules["acme_routing"].Always("small")
    assert loaded.verify() == []
    assert load(path).digest == loaded.digest  # named once, known to this process


def test_a_kind_that_a_file_does_not_attribute_is_looked_up_too(site):
    always(site)
    with pytest.raises(PolicyError, match=r"brought by the installed package acme-routing 1\.0"):
        policies.from_wire({"kind": "always", "model": "small"})
    with pytest.raises(PolicyError, match="acme-routing") as caught:
        policies.from_wire(
            {
                "kind": "fallback",
                "policies": [to_wire(Fixed("a")), {"kind": "always", "model": "b"}],
            }
        )
    assert "acme_routing" not in sys.modules
    assert isinstance(caught.value, PolicyError)
    use("acme_routing")
    with pytest.raises(PolicyError, match=r"acme-routing 1\.0 brings policies always"):
        policies.from_wire({"kind": "never"})


def test_without_the_package_a_file_says_what_to_install(site, tmp_path, monkeypatch):
    always(site)
    use("acme-routing")
    path = saved(tmp_path / "acme.policy", {"kind": "always", "model": "small"})
    monkeypatch.setattr(packages, "_used", ())
    shutil.rmtree(site / "acme_routing-1.0.dist-info")
    with pytest.raises(PolicyFileError, match=r"acme-routing 1\.0, which is not installed"):
        load(path)
    with pytest.raises(PackageError, match="package 'acme-routing': no distribution"):
        load(path, packages=["acme-routing"])


def test_another_version_is_warned_of_by_router_and_command(
    site, tmp_path, monkeypatch, caplog, capsys
):
    always(site)
    use("acme-routing")
    path = saved(tmp_path / "acme.policy", {"kind": "always", "model": "small"})
    document = load(path).document
    assert document.packages == {"acme-routing": Origin("1.0", ("kind 'always'",))}
    monkeypatch.setattr(packages, "_used", ())
    shutil.rmtree(site / "acme_routing-1.0.dist-info")
    always(site, version="2.0")
    known = document.catalogue
    with caplog.at_level(logging.WARNING), Router.load(path, known, packages=["acme-routing"]):
        pass
    assert "was written with acme-routing 1.0, and 2.0 is installed" in caplog.text
    status = main(["inspect", str(path), "--package", "acme_routing", "--json"])
    printed = capsys.readouterr()
    assert status == 0
    assert "2.0 is installed" in printed.err
    told = json.loads(printed.out)
    assert told["packages"] == {"acme-routing": {"version": "1.0", "kinds": ["kind 'always'"]}}
    assert "2.0 is installed" in told["other_packages"][0]


def test_a_policy_of_routelab_alone_names_no_package(tmp_path):
    path = saved(tmp_path / "own.policy", to_wire(Fixed("small")))
    assert b"packages" not in (path / "policy.json").read_bytes()


def test_a_kind_cannot_be_brought_twice(site):
    always(site, tag="fixed")
    with pytest.raises(PackageError, match=r"'fixed' is brought by acme-routing 1\.0 and by r"):
        use("acme-routing")
    assert packages.used() == ()
    always(site, "one", tag="twin")
    always(site, "other", tag="twin")
    use("one")
    with pytest.raises(PackageError, match=r"'twin' is brought by other 1\.0 and by one 1\.0"):
        use("other")
    assert [it.name for it in packages.used()] == ["one"]
    assert policies.from_wire({"kind": "twin", "model": "a"}).models_used == ("a",)


@pytest.mark.parametrize(
    ("code", "entry", "why"),
    [
        ("X = 1", "broken:X", "is no subclass of routelab.core.policy.Policy"),
        ("X = 1", "broken:Y", "cannot be imported"),
        ("import nothing_of_this_name", "broken:X", "cannot be imported: No module named"),
        (FIXED.format(tag="other"), "broken:Always", "has the tag 'other'"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_named(site, code, entry, why):
    installed(site, "broken", code, policies=f"kind = {entry}")
    with pytest.raises(PackageError, match=why):
        use("broken")
    assert packages.used() == ()


def test_a_name_that_declares_nothing_is_refused_with_those_that_do(site):
    always(site)
    for name in ("numpy", "nothing.of.this.name"):
        with pytest.raises(PackageError, match=r"acme-routing 1\.0 brings policies always"):
            use(name)


OTHERS = """
import msgspec
from routelab.core.gate import Gate
from routelab.scorers import Calibrator, Scorer
from routelab.scorers.scorer import BoundScorer
from routelab.signals.features.provider import BoundProvider, FeatureProvider
from routelab.signals.features import Vector
from routelab.signals.source import SignalReading, SignalSource
import numpy as np

class Shout(Gate, frozen=True, tag="no-shouting"):
    def problem(self, text):
        return "it shouts" if text.isupper() else None

class Half(Calibrator, frozen=True, tag="half"):
    def __call__(self, score):
        return score / 2

class _Constant(BoundScorer):
    def __init__(self, value, k):
        self.value, self.k = value, k
    def one(self, asked):
        return [self.value] * self.k
    def many(self, asked):
        return np.full((len(asked.requests), self.k), self.value)

class Constant(Scorer, frozen=True, kw_only=True, tag="constant"):
    value: float
    def bind(self, widths, tensors):
        return _Constant(self.value, len(self.outputs))

class _Vowels(BoundProvider):
    width = 1
    def vector(self, request, seen):
        n = sum(map(str(request.messages).count, "aeiou"))
        return Vector(np.zeros(1, dtype=np.int64), np.array([float(n)]))

class Vowels(FeatureProvider, frozen=True, tag="vowels"):
    def bind(self, tensors):
        return _Vowels()

class Length(SignalSource, frozen=True):
    argument: str
    def read(self, request, bodies):
        return SignalReading(float(len(str(bodies[0]))))
"""


def test_gates_scorers_calibrators_features_and_signals_are_found_and_recorded(site, tmp_path):
    installed(
        site,
        "acme_parts",
        OTHERS,
        gates="no-shouting = acme_parts:Shout",
        calibrators="half = acme_parts:Half",
        scorers="constant = acme_parts:Constant",
        features="vowels = acme_parts:Vowels",
        signals="length = acme_parts:Length",
    )
    with pytest.raises(UnnamedPackageError, match="gate 'no-shouting'"):
        GATES.decode({"kind": "no-shouting"})
    with pytest.raises(PolicyError, match="kind 'vowels' is brought by"):
        features.from_wire({"kind": "vowels"})
    with pytest.raises(PolicyError, match="kind 'constant' is brought by"):
        scorers.from_wire({"kind": "constant"})
    with pytest.raises(PolicyError, match="signal source 'length' is brought by"):
        signals.parse("length:3")
    assert "acme_parts" not in sys.modules
    use("acme_parts")
    assert signals.parse("length:3").argument == "3"
    document = Document(
        name="parts",
        policy={
            "kind": "gated",
            "policy": {"kind": "cascade", "models": ["small", "large"], "thresholds": [0.5],
                       "signal": "sure"},
            "gates": [{"kind": "no-shouting"}],
        },
        candidates=("small", "large"),
        catalogue=Catalogue(),
        signals={"sure": SignalSpec(source="length:3")},
        features={"vowels": {"kind": "vowels"}},
        scorers={
            "constant": {
                "kind": "constant", "target": "quality", "outputs": ["small", "large"],
                "features": ["vowels"], "value": 0.5, "calibrators": [None, {"kind": "half"}],
            }
        },
    )  # fmt: skip
    loaded = write(tmp_path / "parts.policy", document, "# parts\n")
    assert loaded.document.packages["acme-parts"].kinds == (
        "calibrator 'half'", "gate 'no-shouting'", "kind 'constant'", "kind 'vowels'",
        "signal source 'length'",
    )  # fmt: skip
    assert loaded.scoring.score("constant", Request("r", messages=())) == (0.5, 0.25)
    back = policies.from_wire(msgspec.json.decode(msgspec.json.encode(to_wire(loaded.policy))))
    assert back == loaded.policy
    assert back.gates_used[0].problem("OH") == "it shouts"


def test_a_kind_is_tuned_only_where_its_package_is_named(site, sample_file, capsys):
    installed_example(site)
    with pytest.raises(TuningError, match="kind to tune 'by-length' is brought by the installed"):
        Options(name="length", policy="by-length").check()
    assert main(["tune", str(sample_file), "--policy", "by-length", "--no-tracking"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: kind to tune 'by-length' is brought by")
    assert said.endswith("if you trust it: --package routelab-example-kind\n")
    assert not {"example_kind", "example_kind.tuner"} & sys.modules.keys()
    use("example_kind")
    Options(name="length", policy="by-length").check()
    with pytest.raises(TuningError, match="policy='by-length'` makes none"):
        Options(name="length", policy="by-length", processes=2).check()


IMPORTER = """
from routelab.errors import LogError
from routelab.logs.importers import Importer, ImportedRows
from routelab.logs.importers.published.routerbench import IMPORTER

ACME = Importer("acme", "What Acme publishes.", "a pickle", "acme.pkl", IMPORTER.read)
"""


def test_an_importer_is_a_command_once_its_package_is_named(site, tmp_path, capsys):
    installed(site, "acme_logs", IMPORTER, importers="acme = acme_logs:ACME")
    assert main(["import", "acme", "nothing.pkl"]) == 2
    assert "--package acme-logs" in capsys.readouterr().err
    assert main(["import", "--package", "acme_logs", "acme", str(tmp_path / "nothing.pkl")]) == 2
    assert "nothing.pkl: no such file" in capsys.readouterr().err
    assert main(["import", "acne"]) == 2
    assert "write 'acme'" in capsys.readouterr().err


def test_nothing_is_looked_up_before_it_is_asked_for(tmp_path):
    """Metadata of all that is installed is slow to read, and few requests ask for it."""
    path = saved(tmp_path / "own.policy", to_wire(Fixed("small")))
    code = (
        "import sys, importlib.metadata as m\n"
        "def refused(*_, **__): raise AssertionError('metadata were read')\n"
        "m.distributions = m.entry_points = refused\n"
        "from routelab.core.catalogue import Catalogue, Deployment, Model\n"
        "from routelab.runtime import Router\n"
        "known = Catalogue({'small': Model(deployments=(Deployment('http://a/v1', 'm'),))})\n"
        f"with Router.load({str(path)!r}, known): pass\n"
        "from routelab.signals import resolve\n"
        "assert resolve('sure').column == 'sure'\n"
        "import routelab.tuning, routelab.cli.app\n"
        "assert 'example_kind' not in sys.modules\n"
    )
    site = installed_example(tmp_path / "site")
    ran(site, "-c", code)


def ran(site: Path, *arguments: object) -> str:
    """What Python prints where the packages of `site` are installed."""
    there = os.pathsep.join([str(site), str(PROJECT / "src")])
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": there},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_suites_say_which_extra_brings_what_they_need(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['hypothesis'] = None\n"
        "from routelab.errors import MissingExtraError\n"
        "try:\n"
        "    import routelab.testing\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    said = ran(tmp_path, "-c", code)
    assert "routelab.testing needs hypothesis, which the testing extra brings: pip install" in said


CHAIN = """
import sys
from pathlib import Path
from routelab.cli import main
from routelab.errors import PolicyFileError
from routelab.logs import read
from routelab.policy_file import load
from routelab.tuning import Options, tune
from routelab.tuning.study.export import save

log = read(Path("small.parquet"))
options = Options(name="length", policy="by-length", account=False)
study = tune(log, options, packages=["example_kind"])
assert study.kind == "by-length" and study.verdict.word, study.verdict
policy = save(study, Path("length.policy"))
assert policy.policy.__struct_config__.tag == "by-length"
"""

LATER = """
from routelab.cli import main
import sys

assert main(["parity", "length.policy", "--log", "small.parquet", "--n", "20"]) == 2
assert "example_kind" not in sys.modules
named = ["--package", "example_kind"]
assert main(["parity", "length.policy", "--log", "small.parquet", "--n", "20", *named]) == 0
assert "example_kind.tuner" not in sys.modules
assert main(["replay", "length.policy", "--log", "small.parquet", *named, "--json"]) == 0
"""


def test_the_example_is_tuned_judged_exported_loaded_and_proved(sample_log, tmp_path):
    site = installed_example(tmp_path / "site")
    log = sample_log.take(np.arange(0, len(sample_log), 5))
    lengths = log.prompt_keys[1]
    quality = np.ones_like(log.quality)  # else the kind gains nothing, and is not exported
    quality[:, np.argmin(log.cost_usd.mean(axis=0))] = lengths < np.median(lengths)
    write_log(replace(log, quality=quality), tmp_path / "small.parquet")
    ran(site, "-c", CHAIN)
    assert "parity: 20/20 decisions, cost equal" in ran(site, "-c", LATER)


@pytest.mark.slow
def test_the_example_passes_the_shipped_suite(tmp_path):
    site = installed_example(tmp_path / "site")
    config = ("-c", PROJECT / "pyproject.toml", "--rootdir", EXAMPLE)
    told = ran(site, "-m", "pytest", "-q", *config, EXAMPLE / "tests")
    assert " passed" in told
    assert "failed" not in told
