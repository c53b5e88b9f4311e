"""Packages whose names are imported when they are asked for."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import routelab
from routelab.lazy import attach

SOURCE = Path(routelab.__file__).parent

FACES = sorted(
    ".".join(("routelab", *path.parent.relative_to(SOURCE).parts))
    for path in SOURCE.rglob("__init__.py")
    if "attach(" in path.read_text(encoding="utf-8")
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes a package of two modules with this face, and imports it."""

    def made(homes, after=""):
        folder = tmp_path / "lazily"
        folder.mkdir()
        (folder / "__init__.py").write_text(
            "from routelab.lazy import attach\n"
            f"__getattr__, __dir__ = attach(__name__, {homes!r})\n{after}"
        )
        (folder / "shapes.py").write_text("class Circle: ...\nclass Square: ...\n")
        (folder / "colours.py").write_text("RED = 'red'\n")
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module("lazily")

    yield made
    for name in [it for it in sys.modules if it.partition(".")[0] == "lazily"]:
        del sys.modules[name]


def test_a_name_is_imported_when_it_is_asked_for_and_then_stays(package):
    lazily = package({"Circle": "shapes", "RED": "colours"})
    assert not {"lazily.shapes", "lazily.colours"} & set(sys.modules)
    circle = lazily.Circle
    assert "lazily.shapes" in sys.modules
    assert "lazily.colours" not in sys.modules
    assert vars(lazily)["Circle"] is circle is sys.modules["lazily.shapes"].Circle


def test_a_module_of_the_package_is_a_name_too(package):
    lazily = package({"colours": ""})
    assert lazily.colours is sys.modules["lazily.colours"]
    assert lazily.colours.RED == "red"


def test_what_is_offered_is_listed_before_it_is_imported(package):
    lazily = package(
        {"Circle": "shapes", "colours": ""}, "__all__ = ['Circle', 'colours', 'N']\nN = 1"
    )
    names = [name for name in dir(lazily) if not name.startswith("__")]
    assert names == ["Circle", "N", "colours"]
    assert "lazily.shapes" not in sys.modules


def test_an_unknown_name_is_an_attribute_error_as_of_any_module(package):
    lazily = package({"Circle": "shapes"})
    with pytest.raises(AttributeError, match="module 'lazily' has no attribute 'Cirle'") as raised:
        _ = lazily.Cirle
    assert (raised.value.name, raised.value.obj) == ("Cirle", lazily)
    with pytest.raises(ImportError, match="cannot import name 'Cirle'"):
        exec("from lazily import Cirle")


def test_what_is_not_installed_is_an_error_that_says_how_to_get_it(monkeypatch, package):
    monkeypatch.setitem(sys.modules, "lazily.shapes", None)  # as if it were not there
    lazily = package({"Circle": "shapes"})
    with pytest.raises(ModuleNotFoundError) as raised:
        _ = lazily.Circle
    (note,) = raised.value.__notes__
    assert note.startswith("lazily.Circle needs it")
    assert "lab extra" in note


def test_a_name_that_its_own_module_would_hide_is_refused():
    with pytest.raises(
        ValueError, match=r"lazily: load, read would be hidden .* rename the module"
    ):
        attach("lazily", {"load": "load", "read": "read.csv", "Circle": "shapes"})


@pytest.mark.parametrize("face", FACES)
def test_every_face_offers_what_it_lists_and_hides_no_module(face):
    module = importlib.import_module(face)
    assert set(module.__all__) <= set(dir(module))
    folder = Path(module.__file__).parent
    for name in module.__all__:
        assert getattr(module, name) is not None
    homes = re.findall(r'^ +"(\w+)": "([\w.]*)",$|\{"(\w+)": "([\w.]*)"\}', _text(folder), re.M)
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    for name, home in ((a or c, b or d) for a, b, c, d in homes):
        assert (name in there) == (not home), f"{face}.{name} is hidden by the module of its name"


def _text(folder: Path) -> str:
    return (folder / "__init__.py").read_text(encoding="utf-8")


# routelab itself


def ran(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_top_lists_what_there_is():
    public = json.loads(
        ran(
            "import json, routelab, sys\n"
            "print(json.dumps([n for n in dir(routelab) if not n.startswith('__')]))\n"
            "assert not {'numpy', 'msgspec', 'httpx'} & set(sys.modules)"
        )
    )
    parts = {it.name for it in pkgutil.iter_modules(routelab.__path__)} - {"cli", "testing"}
    assert set(public) == set(routelab.__all__) | parts  # parts as attributes too


@pytest.mark.parametrize("name", routelab.__all__)
def test_every_name_at_the_top_works_after_importing_nothing_else(name):
    homes = {
        "AsyncRouter": "routelab.runtime.router",
        "Router": "routelab.runtime.blocking",
        "load": "routelab.policy_file.files",
        "read": "routelab.logs.reader",
        "replay": "routelab.replay",
        "simulate": "routelab.simulate",
        "tune": "routelab.tuning.study.study",
    }
    code = f"import routelab; it = routelab.{name}; print(getattr(it, '__module__', it.__name__))"
    assert ran(code).strip() == homes[name]


def test_packages_at_the_top_have_their_functions():
    assert ran("import routelab; print(callable(routelab.replay.run))") == "True\n"
    assert ran("import routelab; print(callable(routelab.simulate.simulate))") == "True\n"


def test_help_reads_well():
    told = ran("import pydoc, routelab; print(pydoc.plain(pydoc.render_doc(routelab.AsyncRouter)))")
    assert told.startswith(
        "Python Library Documentation: class AsyncRouter in module routelab.runtime.router"
    )
    assert "Routes chat requests to OpenAI-compatible endpoints" in told
    about = ran("import pydoc, routelab; print(pydoc.plain(pydoc.render_doc(routelab)))")
    assert "`routelab.tune(log, ...)`" in about
    assert "class Router(" in about


def test_the_top_imports_nothing_but_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import routelab\n"
        "new = {n.partition('.')[0] for n in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    assert ran(code) == "['routelab']\n"
